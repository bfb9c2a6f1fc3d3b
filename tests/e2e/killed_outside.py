"""A Foyer that somebody else kills: `python -m tests.e2e.killed_outside HOME ORGANISATION WISH`; ORGANISATION is JSON, as in foyer.yaml.

Plays one wish, with the approval where it needs one, by ids that are always the same, as channels repeat what was not heard.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import get_args

from bot.buttons import Verb
from connectors.ports.chat import Press, ReplyKind
from tests.outside.disturbed import WISHES
from tests.outside.judging import Wish
from tests.scenarios.company import Company
from tests.scenarios.killed import hear


async def play(company: Company, wish: Wish) -> None:
    """Says it, and says yes to it, each if it was not heard before."""
    await hear(company, "dana", "the-wish", text=WISHES[wish])
    await company.settle()
    for message in await company.shown("priya"):
        for action in message.reply.actions if message.reply.kind is ReplyKind.APPROVAL else ():
            pressed = company.app.buttons.read(action.id)
            if pressed is not None and pressed.verb is Verb.APPROVE:
                await hear(company, "priya", "the-yes", press=Press(action.id), thread=message.thread)
    await company.settle()


async def main(home: Path, organisation: Path, wish: str) -> None:
    [known] = [one for one in get_args(Wish) if one == wish]
    company = await Company.open(home, organisation=json.loads(organisation.read_text()))
    await play(company, known)
    await company.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
