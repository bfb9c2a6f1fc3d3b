"""`foyer specialists pause`: nothing new is done, across restarts, and what was held goes on afterwards."""

from bot.control import COMMANDS
from tests.scenarios.company import Company


async def effects(company: Company) -> list[str]:
    assert company.app.company is not None
    return [entry.operation for entry in await company.app.company.effects("*")]


async def states(company: Company) -> list[str]:
    person = await company.app.people.by_email("dana@acme.example")
    assert person is not None
    return [request.state.value for request in await company.app.requests.recent_of(person.id)]


async def test_a_paused_specialist_does_nothing_until_it_is_resumed(company: Company) -> None:
    await COMMANDS["specialists.pause"](company.app, {"name": "it_service_desk"})
    await company.say("dana", "my account is locked")
    assert await states(company) == ["held"]
    assert any("paused" in one.reply.text for one in await company.news("dana"))
    await company.restart()
    await company.later(minutes=5)
    assert await states(company) == ["held"]
    assert await effects(company) == []
    await COMMANDS["specialists.resume"](company.app, {"name": "it_service_desk"})
    await company.settle()
    assert await states(company) == ["done"]
    assert await effects(company) == ["accounts.unlock"]


async def test_all_are_paused_at_once_also_after_an_approval(company: Company) -> None:
    await company.say("dana", "I need editor access to Figma for 30 days")
    await COMMANDS["specialists.pause"](company.app, {"name": "*"})
    await company.press("priya", "approve")
    assert await states(company) == ["held"]
    assert await effects(company) == []
    await COMMANDS["specialists.resume"](company.app, {"name": "*"})
    await company.settle()
    assert await states(company) == ["done"]


async def test_without_the_switch_it_would_have_been_done(company: Company) -> None:
    """The negative control."""
    await company.say("dana", "my account is locked")
    assert await effects(company) == ["accounts.unlock"]
