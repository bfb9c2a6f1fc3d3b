"""The one place where everything is put together: `App` is a running Foyer, made from settings and replaceable parts."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from bot import assistance, encoders, stranded, vendors
from bot.answer_log import AnswerLog
from bot.assistance import Patience
from bot.buttons import Buttons
from bot.changes import Saver
from bot.config import SHIPPED, ConfigError, Settings, check_groups
from bot.conversation.memory import Memory
from bot.conversation.store import ConversationStore
from bot.conversation.summaries import Summaries
from bot.conversation.summary_store import SummaryStore
from bot.database import Sessions, connect
from bot.dialogue import Dialogue
from bot.feedback import Feedback
from bot.files import FileStore
from bot.forms import Forms
from bot.front_page import FrontPage
from bot.handoff.board import Board
from bot.handoff.carried import CarriedStore
from bot.handoff.desk import Desk
from bot.handoff.store import HandoffStore
from bot.handoff.summarising import AssistedSummariser
from bot.hearing import Hearing
from bot.held import HeldPosts
from bot.home import Home
from bot.intake import Inbox
from bot.intent.assisted import AssistedRecognizer
from bot.intent.catalogue import Catalogues
from bot.intent.recognizer import Recognizer
from bot.intent.surroundings import Surroundings
from bot.intent.training import examples, vocabulary
from bot.language.notices import LimitNotices
from bot.language.usage import forget_old_use
from bot.live_answers import LiveAnswers
from bot.loops import Loop, steps
from bot.metrics import Metrics
from bot.migrations import upgrade
from bot.naming import Names
from bot.outbox import Outbox
from bot.outside import connect as connect_outside
from bot.overdue import Overdue
from bot.people import PeopleStore
from bot.presses import Presses
from bot.rate import RateLimit
from bot.resets import OwnResets
from bot.responses import Responder
from bot.review_notices import ReviewNotices
from bot.rooms import Rooms
from bot.second_thoughts import SecondThoughts
from bot.shortcuts import Shortcuts
from bot.status import StatusReader
from bot.step_ups import StepUpPages
from bot.talk import Talk, Talks
from bot.teaching.calibrating import Calibration
from bot.teaching.closed import ClosedRequests
from bot.teaching.lessons import LessonStore, forget_old_lessons
from bot.teaching.proposing import Teacher
from bot.teaching.reviewing import Review
from bot.teaching.versions import Versions
from bot.thinking import Thinking
from bot.threads import Threads
from bot.turn import TurnHandler
from bot.under_cards import UnderCards
from bot.uploads import Uploads
from bot.vendors import Vendors
from bot.words import Words
from connectors.chat.loopback import leads_here
from connectors.ports.chat import Channel
from connectors.ports.language import LanguageModel
from connectors.ports.messages import Messages, Reader
from connectors.ports.people import Person
from connectors.ports.records import Clock, utcnow
from connectors.sandbox.connector import SandboxCompany
from connectors.web.channel import WebChannel
from knowledge.answering import Answerer
from knowledge.chroma_index import ChromaIndex
from knowledge.embedding.port import Encoder
from knowledge.feedback import Helpfulness, JudgedQuestions, forget_old
from knowledge.gaps import Gaps, forget_old_gaps
from knowledge.index import Index
from knowledge.library import Library
from knowledge.retrieval import Lookup, Retriever
from knowledge.reviews import Reviews
from knowledge.starter import load_starter
from specialists.audit import Audit
from specialists.engine import Engine
from specialists.fulfilment import MESSAGES as FULFILMENT_MESSAGES
from specialists.fulfilment import Fulfilment
from specialists.loader import load_skills
from specialists.policy.decide import Policy
from specialists.request import RequestState
from specialists.roster import load_roster
from specialists.skill import Ports
from specialists.store import RequestStore
from specialists.switch import Switch

HERE = Path(__file__).parent
SWEEP_SECONDS = 30.0
SUMMARY_SECONDS = 2.0
OVERDUE_SECONDS = 60.0
FIRST_SWEEP_SECONDS = 3.0
"""Whoever waits for the first answer goes first."""
OPERATOR = Person("operator", "operator", "Operator", "", "UTC", "en", roles=frozenset({"employee", "knowledge_admin"}))
"""Whoever may use this machine's command line; the audit names them so.

They are trusted with everything here, keys and database included. They cannot accept a lesson that was added on the command line, but
nobody can know whether they proposed one in the console under their own name.
"""
WORKING = (RequestState.SUBMITTED, RequestState.RUNNING, RequestState.UNDOING)


class App:
    """`start` before anything else; `stop` leaves nothing half done that the next start would not finish."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock = utcnow,
        encoder: Encoder | None = None,
        index: Index | None = None,
        channels: Sequence[Channel] = (),
        inbox: Callable[[Sessions, Clock], Inbox] = Inbox,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        policy: Policy | None = None,
        model: LanguageModel | None = None,
    ) -> None:
        """`monotonic` and `sleep` are the pace of what is said on chat platforms. `model`: instead of the configured one."""
        self.settings = settings
        self.clock = clock
        self.home = Home(settings.home)
        self.home.make()
        if not (self.home.path / "foyer.yaml").exists():
            shutil.copy(SHIPPED, self.home.path / "foyer.yaml")
        self.foyer_yaml = (self.home.path / "foyer.yaml").read_bytes()
        """As it was at the start."""
        self.engine_db, self.sessions = connect(settings.database)
        self.metrics = Metrics()
        self.outside = connect_outside(settings, clock, self.sessions, self.metrics)
        ports = self.outside.ports
        organisation = settings.organisation

        self.skills = load_skills()
        specs = {name: skill.spec for name, skill in self.skills.items()}
        offered = {name: spec for name, spec in specs.items() if not self.outside.missing(spec)}
        self.roster = load_roster(specs)
        check_groups(organisation, specs, self.roster)
        self.messages = Messages.load([HERE / "messages.yaml", FULFILMENT_MESSAGES])
        for skill in self.skills.values():
            self.messages |= skill.messages

        self.inbox = inbox(self.sessions, clock)
        self.files = FileStore(self.sessions, self.home.path / "files")
        self.web = WebChannel(self.sessions, clock)
        self.channels: dict[str, Channel] = {channel.name: channel for channel in (self.web, *channels)}
        room_reader = Reader(organisation.locale, organisation.timezone)
        around = Vendors(settings, self.inbox, self.files, Words(self.messages, room_reader), self.sessions, clock, monotonic)
        self.slack = around.slack(self.engine_db, self.home.key("slack")) if settings.slack else None
        self.teams = around.teams(sleep) if settings.teams else None
        self.platforms = tuple(platform for platform in (self.slack, self.teams) if platform is not None)
        for platform in self.platforms:
            self.channels[platform.channel.name] = platform.channel
        self.rooms = Rooms.of(organisation, self.channels)
        self.inbox.mode = self.rooms.mode
        self.inbox.is_desk = self.rooms.is_desk
        self.people = PeopleStore(self.sessions, ports["people"], self.channels, organisation.roles, clock, room_reader)
        self.conversations = ConversationStore(self.sessions)
        self.handoffs = HandoffStore(self.sessions)
        self.outbox = Outbox(self.sessions, self.channels, clock)
        self.held = HeldPosts(
            self.sessions, self.people, self.channels, clock, organisation.quiet_hours, on_released=lambda: self.outbox.on_more()
        )
        self.buttons = Buttons(self.home.key("buttons"))

        self.encoder: Encoder = encoder or encoders.configured(settings)
        self.index: Index = index or ChromaIndex(settings.home.resolve() / "index")
        self.policy = policy or Policy()
        catalogues = Catalogues(ports["access"], self.outside.get("purchasing"), clock=clock)
        surroundings = Surroundings(catalogues, self.outside.get("devices"), ports["people"], specs, clock=clock)
        names = Names(ports["people"], surroundings, vocabulary(examples(specs)))
        self.claude = vendors.claude(settings) if model is None else None
        self.model = assistance.guarded(model or self.claude, self.sessions, organisation.model, names, clock, monotonic, self.metrics)
        stamps = {"policy": self.policy.version, **assistance.stamps(self.model)}
        self.audit = Audit(self.home.key("audit"), clock=clock, stamps=stamps)
        former = encoders.former(settings)
        self.library = Library(self.sessions, self.index, self.encoder, self.audit, clock, organisation.audience, former=former)
        self.uploads = Uploads(self.library, self.home.path / "uploads")
        self.helpful = Helpfulness(self.sessions)
        self.retriever = Retriever(self.sessions, self.index, self.encoder, former=former, helpful=self.helpful.of)
        self.answerer = Answerer(self.retriever, self.encoder)
        self.reviews = Reviews(self.sessions, self.audit, clock)
        self.gaps = Gaps(self.sessions, self.encoder, self.retriever, self.answerer, self.people.get, self.audit, clock)
        self.judged = JudgedQuestions(self.sessions, self.encoder.name)

        self.resets = self._resets(room_reader)
        self.requests = RequestStore(self.sessions)
        self.switch = Switch(self.sessions, self.requests, self.audit, clock, self.roster)
        self.engine = Engine(self._engine_url(), clock=clock)
        self.fulfilment = Fulfilment(
            store=self.requests,
            sessions=self.sessions,
            engine=self.engine,
            policy=self.policy,
            roster=self.roster,
            skills=self.skills,
            ports=Ports(**({**ports, "accounts": self.resets} if self.resets else ports), knowledge=Lookup(self.retriever)),
            people=self.people,
            audit=self.audit,
            switch=self.switch,
            clock=clock,
            base_url=settings.base_url,
            secret=self.home.key("step-up"),
            committed=self.committed,
        )

        saver = Saver(self.sessions, self.conversations, self.requests, self.handoffs, self.outbox, self.audit, self.committed)
        talks = Talks(self.people, self.rooms, self.messages, frozenset(name for name, spec in specs.items() if spec.personal))
        kept_summaries = SummaryStore(self.sessions)
        board = Board(
            people=self.people,
            files=self.files,
            conversations=self.conversations,
            requests=self.requests,
            handoffs=self.handoffs,
            summaries=kept_summaries,
            roster=self.roster,
            outbox=self.outbox,
            channels=self.channels,
            messages=self.messages,
            buttons=self.buttons,
            organisation=organisation,
            room=self.rooms.of_group,
            talks=talks,
        )
        self.recognizer = Recognizer(self.encoder, specs, ports["people"], surroundings)
        self.closed = ClosedRequests(self.sessions, self.requests, self.recognizer, self.encoder.name, self.judged)
        lessons = LessonStore(self.sessions)
        self.versions = Versions(self.sessions, self.recognizer, lessons, specs, self.audit, clock)
        self.lessons = Review(self.sessions, lessons, names, self.recognizer, specs, self.audit, clock)
        teacher = Teacher(
            lessons=lessons,
            closed=self.closed,
            conversations=self.conversations,
            handoffs=self.handoffs,
            people=self.people,
            names=names,
            recognizer=self.recognizer,
            skills=specs,
            buttons=self.buttons,
            topic=self._topic,
        )
        self.desk = Desk.of(board, specs, CarriedStore(self.sessions), teacher, saver, clock, settings.recall_seconds)
        dialogue = Dialogue(
            self.people, self.requests, self.skills, offered, self.roster, self.policy, surroundings, self.desk, self.buttons, self.channels
        )
        self.summaries = Summaries(
            sessions=self.sessions,
            store=kept_summaries,
            conversations=self.conversations,
            requests=self.requests,
            handoffs=self.handoffs,
            name=self.people.name,
            skills=specs,
            clock=clock,
            assisted=AssistedSummariser(self.model) if self.model is not None else None,
            on_made=self.desk.summarised,
        )
        answer_log = AnswerLog(self.encoder.name, self.reviews, names)
        articles = assistance.articles(self.answerer, self.model, self.retriever, monotonic)
        self.responder = Responder(
            dialogue, self.desk, articles, self.answerer, self.requests, self.handoffs, self.people, self.buttons, answer_log
        )
        self.memory = Memory(self.requests, self.held, kept_summaries, specs)
        self.front_page = FrontPage(
            dialogue, self.requests, self.handoffs, self.people, self.channels, self.outbox, self.messages, self.buttons
        )
        hearing = Hearing(self.channels, self.files, self.sessions, settings.turn_timeout / 2)
        articles_url = f"{settings.base_url}/#/articles" if self.sign_in_off is None else None
        self.shortcuts = Shortcuts(
            self.people, self.conversations, talks, self.outbox, hearing, self.library, organisation, self.buttons, articles_url
        )
        presses = Presses(
            buttons=self.buttons,
            responder=self.responder,
            conversations=self.conversations,
            handoffs=self.handoffs,
            desk=self.desk,
            fulfilment=self.fulfilment,
            talks=talks,
            forms=Forms(dialogue, self.buttons, self._topic),
            front_page=self.front_page,
            shortcuts=self.shortcuts,
            feedback=Feedback(self.sessions, self.conversations, talks, self.responder, self.desk, answer_log),
            teacher=teacher,
            outbox=self.outbox,
        )
        self.turns = TurnHandler(
            inbox=self.inbox,
            people=self.people,
            threads=Threads(self.conversations, self.requests, self.desk, self.outbox, self.channels),
            handoffs=self.handoffs,
            memory=self.memory,
            recognizer=assistance.recognizer(self.recognizer, self.model, self.retriever, specs, monotonic),
            offline=self.recognizer,
            specs=offered,
            responder=self.responder,
            presses=presses,
            shortcuts=self.shortcuts,
            front_page=self.front_page,
            desk=self.desk,
            hearing=hearing,
            second_thoughts=SecondThoughts(self.inbox, self.outbox, self.conversations, self.requests, self.desk, self.buttons),
            under_cards=UnderCards(self.outbox, self.requests, self.handoffs, self.channels, self.responder),
            rooms=self.rooms,
            talks=talks,
            thinking=Thinking(self.sessions),
            topic=self._topic,
            teacher=teacher,
            saver=saver,
            messages=self.messages,
            rate=RateLimit(settings.rate_per_minute, Metrics.now),
            metrics=self.metrics,
            clock=clock,
            timeout=settings.turn_timeout,
            default_reader=room_reader,
            patience=self._patience(monotonic),
        )
        by = self.turns.recognizer
        pooling = self.home.path / "pooling.json"
        self.calibration = Calibration(pooling, by, specs, self.sessions, self.audit, clock) if isinstance(by, AssistedRecognizer) else None
        self.status = StatusReader(
            sessions=self.sessions,
            requests=self.requests,
            conversations=self.conversations,
            people=self.people,
            channels=self.channels,
            dialogue=dialogue,
            desk=self.desk,
            front_page=self.front_page,
            held=self.held,
            talks=talks,
            saver=saver,
            roster=self.roster,
            specs=specs,
            messages=self.messages,
            buttons=self.buttons,
            metrics=self.metrics,
            clock=clock,
            room_reader=room_reader,
            assumed_after=timedelta(hours=settings.assumed_after_hours),
        )
        self.review_notices = ReviewNotices(
            self.reviews, self.people, self.channels, self.held, saver, self.messages, clock, articles_url and f"{settings.base_url}/#/gaps"
        )
        self.limit_notices = LimitNotices(
            sessions=self.sessions,
            settings=organisation.model,
            people=self.people,
            roster=self.roster,
            owners=organisation.roles.get("service_owner", ()),
            channels=self.channels,
            held=self.held,
            saver=saver,
            messages=self.messages,
            clock=clock,
        )
        self.step_ups = StepUpPages(self.fulfilment, self.requests, self.people, self.messages, self.sessions, clock, self.committed)
        self._inbox_loop = Loop("inbox", self._serve, 5.0)
        self._loops = (
            Loop("status", self._tell, 1.0),
            outbox_loop := Loop("outbox", self.outbox.deliver, 30.0),
            Loop("replies", self.desk.send_due, 30.0),
            Loop("held", self.held.release, 30.0),
        )
        self._sweep_loop = Loop("sweep", self._sweep, SWEEP_SECONDS)
        self._learning_loop = Loop("learning", self._learn, SWEEP_SECONDS)
        self._index_loop = Loop("index", self._index_some, SWEEP_SECONDS)
        self._summary_loop = Loop("summaries", self.summaries.step, SUMMARY_SECONDS)
        self.overdue = Overdue(self.outside.endings, self.switch, self.people, self.audit, self.sessions, clock)
        overdue_loop = Loop("overdue", self.overdue.settle, OVERDUE_SECONDS)
        self._later: tuple[Loop, ...] = (self._sweep_loop, self._learning_loop, self._index_loop, self._summary_loop, overdue_loop)
        if self.resets is not None:
            self._later += (resets_loop := Loop("resets", self.resets.settle, SWEEP_SECONDS),)
            self.resets.on_set = resets_loop.wake
        self.inbox.on_new = self._inbox_loop.wake
        self.outbox.on_more = outbox_loop.wake
        self.outbox.on_refused = self.desk.on_refused
        self._running = False

    @property
    def company(self) -> SandboxCompany | None:
        """The sandbox company, where it is configured."""
        return next((one for one in self.outside.connectors.values() if isinstance(one, SandboxCompany)), None)

    @property
    def sandbox_people(self) -> bool:
        """Whether the people are the sandbox company's."""
        return isinstance(self.outside.connectors[self.outside.served["people"][0]], SandboxCompany)

    @property
    def sign_in_off(self) -> str | None:
        """Why nobody can sign in to the web chat, whose sign-in asks for no password; None when they can."""
        if self.settings.sandbox_sign_in is False:
            return "FOYER_SANDBOX_SIGN_IN is false"
        if self.settings.exposed is not None:
            return self.settings.exposed
        if self.settings.sandbox_sign_in is None and not self.sandbox_people:
            (people,) = self.outside.served["people"]
            return f"people are of {people}, not of the sandbox, and FOYER_SANDBOX_SIGN_IN is not set"
        return None

    def words(self, person: Person) -> Words:
        return Words.for_person(self.messages, person)

    async def start(self) -> None:
        await upgrade(self.engine_db)
        await asyncio.gather(*(connector.open() for connector in self.outside.connectors.values()))
        await stranded.warn(self.sessions, self.outside)
        for platform in self.platforms:
            await platform.open()
        await asyncio.gather(self._open_recognition(), self._open_library(), self.fulfilment.launch())
        for loop in (self._inbox_loop, *self._loops):
            loop.start()
        for loop in self._later:
            loop.start(after=FIRST_SWEEP_SECONDS)
        await self.uploads.start()
        self._running = True

    def _resets(self, room_reader: Reader) -> OwnResets | None:
        """Where the system that keeps passwords sends no links itself. Raises ConfigError where a password could be read on its way."""
        if self.outside.passwords is None:
            return None
        url = self.settings.base_url
        if not (url.startswith("https://") or leads_here(url)):
            (system,) = self.outside.served["accounts"]
            raise ConfigError(
                f"people set passwords of {system} on Foyer's own page: FOYER_PUBLIC_URL must begin with https://, and is {url}"
            )
        return OwnResets(
            passwords=self.outside.passwords,
            enrolled=self.outside.get("enrolled"),
            sessions=self.sessions,
            people=self.people,
            audit=self.audit,
            messages=self.messages,
            reader=room_reader,
            clock=self.clock,
            secret=self.home.key("reset links"),
            base_url=self.settings.base_url,
        )

    async def _open_recognition(self) -> None:
        await self.recognizer.warm(self.home.path / "recognition.npz")
        await self.versions.follow()
        if self.calibration is not None:
            self.calibration.follow()
        await self.closed.refresh()  # what is new since is read by the learning loop: it may be much

    async def _open_library(self) -> None:
        """The index is opened by its loop: until then the database's own vectors serve."""
        if self.company is not None:
            await load_starter(self.library, OPERATOR)

    async def stop(self, patience: float = 10.0) -> None:
        """Lets what is running come to an end for `patience` seconds; the rest is finished by the next start."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._running and await self._under_way():  # noqa: ASYNC110 - what runs is known to databases, not to an event
                    await asyncio.sleep(0.02)
        self._running = False
        await asyncio.gather(*(platform.stop_receiving() for platform in self.platforms))
        await self._inbox_loop.stop(patience)
        await self.inbox.close(patience)
        await self.turns.thinking.close()
        await asyncio.gather(*(loop.stop(patience) for loop in (*self._loops, *self._later)), self.uploads.stop(patience))
        await self.sessions.at_rest()
        await self.outbox.close(patience)
        for platform in self.platforms:
            await platform.close()
        if self.claude is not None:
            await self.claude.close()
        await self.fulfilment.close()
        await self.audit.seal(self.sessions)
        await self.library.close()
        for connector in self.outside.connectors.values():
            await connector.close()
        await self.engine_db.dispose()

    async def working(self) -> bool:
        """Whether anything that needs nobody else is under way, for anybody, or due."""
        return await self._under_way() or await self.held.due()

    async def _under_way(self) -> bool:
        """Looked at in the order in which work moves on."""
        return (
            bool(await self.requests.pending_commands(1))
            or await self.engine.busy()
            or bool(await self.requests.in_states(*WORKING))
            or await self.status.behind()
        )

    async def busy(self, external_id: str, conversation: str | None) -> bool:
        """For the web chat: is a turn, a step or an undelivered reply running for this person?"""
        if await self.inbox.open_for(external_id):
            return True
        if await self.requests.pending_commands(1):
            return True
        person = await self.people.by_email(external_id)
        if person is None:
            return bool(await self.outbox.undelivered([external_id]))
        if await self.held.due(person.id):
            return True
        running = await self.requests.in_states(*WORKING)
        if any(request.requester_id == person.id for request in running) or await self.status.behind():
            return True
        return bool(await self.outbox.undelivered([external_id, *(f"group:{group}" for group in person.groups)]))

    def _engine_url(self) -> str:
        if self.settings.database_url is None:
            return f"sqlite:///{self.home.path / 'engine.db'}"
        return self.settings.database_url

    async def _topic(self, talk: Talk, text: str) -> str | None:
        return (await self.recognizer.recognize(text, await self.memory.recall(talk))).sensitive

    def _patience(self, monotonic: Callable[[], float]) -> Patience | None:
        if self.model is None:
            return None
        self.inbox.widen()
        answers = LiveAnswers(self.sessions, self.inbox, self.outbox, self.conversations, monotonic)
        return Patience(self.settings.organisation.model.patience, answers, self.requests, self.roster, monotonic)

    def committed(self) -> None:
        """Something was saved: requests may have to start, people to be told, replies to go out."""
        self.fulfilment.wake()
        for loop in self._loops:
            loop.wake()

    async def _serve(self) -> None:
        await self.inbox.serve(self.turns.handle, self.turns.give_up)

    async def _tell(self) -> None:
        await self.status.read()

    async def _sweep(self) -> None:
        """What is due by time alone: unanswered questions, the seal of the audit, lost files."""
        await self.status.assume()
        await self.status.abandon()
        await self.audit.seal(self.sessions)
        await self.files.sweep(self.clock())

    async def _index_some(self) -> float | None:
        """Articles that wait for the index, in a loop of their own: under another encoder that takes long."""
        return 0.0 if await self.library.projection.step() else None

    async def _learn(self) -> None:
        """What follows from articles, judgements and what became of requests by time alone. No step waits for another to work."""
        await steps(
            "learning",
            self._forget,
            self.versions.follow,
            self.closed.read,
            lambda: self.closed.sweep(self.clock()),
            self.judged.refresh,
            lambda: self.helpful.refresh(self.clock()),
            self.review_notices.tell,
            self.limit_notices.tell,
            self.gaps.settle,
        )

    async def _forget(self) -> None:
        async with self.sessions.begin() as session:
            await forget_old(session, self.clock())
            await forget_old_gaps(session, self.clock())
            await forget_old_lessons(session, self.clock())
            await forget_old_use(session, self.clock())
