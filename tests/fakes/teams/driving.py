"""People who install the app, talk, edit, delete, react and rate."""

from collections.abc import Sequence
from typing import Any

from tests.fakes.teams.delivery import Delivery
from tests.fakes.teams.payloads import feedback
from tests.fakes.teams.state import FILE_CONSENT, FILE_INFO, BotError, FakeFile, Json, Person, Room, Shown


class Driving(Delivery):
    async def install(self, place: str, *, by: str = "dana") -> None:
        """For a person, in a group chat, or in the team that a channel belongs to (then in all its channels)."""
        room = self.room(place)
        await self._installed(room, place if place in self.people else by, True)

    async def uninstall(self, place: str, *, by: str = "dana") -> None:
        room = self.room(place)
        await self._installed(room, place if place in self.people else by, False)

    async def upgrade(self, place: str, *, by: str = "dana") -> None:
        """A newer version of the app takes the place of the one that is there."""
        room = self.room(place)
        first = room if room.team is None else self.room(room.team.id)
        person = self.people[place if place in self.people else by]
        _, told = self.payloads.installation(self.new_id("f:"), person, first, self.at(), True, team=room.team)
        await self.emit(told | {"action": "add-upgrade"})

    async def _installed(self, room: Room, by: str, added: bool) -> None:
        team = room.team
        rooms = [room] if team is None else [one for one in self.rooms.values() if one.team is team]
        for one in rooms:
            one.installed = added
        if team is not None:
            team.installed = added
            room = next(one for one in rooms if one.id == team.id)
        for told in self.payloads.installation(self.new_id("f:"), self.people[by], room, self.at(), added, team=team):
            await self.emit(told)

    async def join(self, person: str, place: str, *, leaves: bool = False) -> None:
        """Somebody comes to a group chat or to the team of a channel; the bot is told where it is."""
        room = self.room(place)
        (room.members.discard if leaves else room.members.add)(person)
        first = room if room.team is None else self.room(room.team.id)
        if room.installed:
            await self.emit(self.payloads.members(self.new_id("f:"), self.people[person], first, self.at(), added=not leaves))

    async def create_channel(self, key: str, name: str, beside: str, *, by: str = "dana") -> None:
        """A further channel in the team of `beside`."""
        team = self.room(beside).team
        assert team is not None
        made = self.add_channel(key, name, team)
        made.installed = team.installed
        if team.installed:
            told = self.payloads.channel_created(self.new_id("f:"), self.people[by], self.room(team.id), made, self.at())
            await self.emit(told)

    def consent_to(self, *places: str) -> None:
        """Grants resource-specific consent: un-mentioned messages come, and Graph may be read. Every place is a channel or a chat."""
        for place in places:
            room = self.room(place)
            self.consented.add(room.team.id if room.team else room.id)

    def may_overhear(self, room: Room) -> bool:
        return (room.team.id if room.team else room.id) in self.consented

    async def say(
        self, person: str, text: str, *, room: str | None = None, thread: str | None = None, mention: bool = False,
        to: Sequence[str] = (), files: Sequence[FakeFile] = (), quote: str | None = None,
    ) -> str:  # fmt: skip
        """`room` None: in their chat with the bot. `mention`: of the bot; `to`: of these people. `quote`: id of the message answered."""
        who, where = self.people[person], self.room(room or person)
        assert person in where.members, f"{person} is not in {where.key}"
        mentions = [self.payloads.mention(self.bot_id, self.bot_name)] if mention else []
        mentions += [self.payloads.mention(self.people[key].user_id, self.people[key].name) for key in to]
        said = " ".join([*(one["text"] for one in mentions), text]).strip()
        message = Shown(self.new_ms(), where, self.at(), person, text=said)
        message.thread = (thread or message.id) if where.kind == "channel" else None
        message.attachments = [self._shared(file, where) for file in files]
        message.entities = mentions
        self.put(message)
        quoted = self.said[where.id][quote] if quote else None
        told = self._told(message, who, mentions, quoted)
        if self._heard(where, mention):
            await self.emit(told)
        return message.id

    def _heard(self, room: Room, mention: bool) -> bool:
        if room.kind == "personal":
            return True
        return room.installed and (mention or self.may_overhear(room))

    def _told(self, message: Shown, who: Person, mentions: list[Json], quoted: Shown | None = None) -> Json:
        by = self.people[quoted.by] if quoted and quoted.by else None
        seen = [one for one in message.attachments if message.room.kind == "personal" or one["contentType"].startswith("image/")]
        return self.payloads.message(
            message.id, who, message.room, message.at, message.text, thread=message.thread, mentions=mentions, attachments=seen,
            quote=quoted, quoted_by=by,
        )  # fmt: skip

    async def edit(self, person: str, id: str, text: str, *, room: str | None = None) -> None:
        message = self._own_message(person, id, room)
        mentioned = any(one["mentioned"]["id"] == self.bot_id for one in message.entities)
        message.changes.append(message.text)
        message.text = " ".join([*(one["text"] for one in message.entities), text])
        message.edited = True
        told = self._told(message, self.people[person], message.entities)
        if self._heard(message.room, mentioned):
            await self.emit(self.payloads.changed(told, "editMessage", self.at()))

    async def delete(self, person: str, id: str, *, room: str | None = None) -> None:
        message = self._own_message(person, id, room)
        mentioned = any(one["mentioned"]["id"] == self.bot_id for one in message.entities)
        told = self._told(message, self.people[person], message.entities)
        message.deleted = True
        if self._heard(message.room, mentioned):
            await self.emit(self.payloads.changed(told, "softDeleteMessage", self.at()))

    async def react(self, person: str, id: str, kind: str = "like", *, room: str | None = None, remove: bool = False) -> None:
        """Told for the bot's own messages only, as in Teams."""
        where = self.room(room or person)
        message = self._message(where, id)
        people = message.reactions.setdefault(kind, set())
        (people.discard if remove else people.add)(person)
        if message.by is None:
            await self.emit(self.payloads.reaction(self.new_id("f:"), self.people[person], where, self.at(), message, kind, remove))

    async def rate(self, person: str, message: Shown, reaction: str, text: str = "") -> Any:
        """Thumb up ("like") or down ("dislike"), by the buttons that feedbackLoop shows."""
        assert message.channel_data.get("feedbackLoop"), "this message asks for no feedback"
        return await self._invoke(person, "message/submitAction", feedback(reaction, text), message)

    async def consent(self, person: str, message: Shown, accept: bool = True) -> Any:
        """Takes the file that a consent card offers, or declines it."""
        (card,) = [one for one in message.attachments if one["contentType"] == FILE_CONSENT]
        value: Json = {
            "type": "fileUpload", "action": "accept" if accept else "decline",
            "context": card["content"].get("acceptContext" if accept else "declineContext"),
        }  # fmt: skip
        if accept:
            unique = self.new_id("upload-")
            value["uploadInfo"] = {
                "contentUrl": f"{self.base}/storage/{unique}/{card['name']}", "name": card["name"],
                "uploadUrl": f"{self.base}/storage/upload/{unique}/{card['name']}", "uniqueId": unique,
                "fileType": card["name"].rpartition(".")[2],
            }  # fmt: skip
        return await self._invoke(person, "fileConsent/invoke", value, message)

    async def _invoke(self, person: str, name: str, value: Json, message: Shown | None, room: Room | None = None) -> Any:
        where = message.room if message is not None else room or self.personal(person)
        assert person in where.members, f"{person} does not see {where.key}"
        told = self.payloads.invoke(self.new_id("f:"), name, value, self.people[person], where, self.at(), message=message)
        return await self.ask(told)

    def _message(self, where: Room, id: str) -> Shown:
        message = self.get(where, id)
        assert message is not None, f"no message {id} in {where.key}"
        return message

    def _own_message(self, person: str, id: str, room: str | None) -> Shown:
        message = self._message(self.room(room or person), id)
        assert message.by == person, "people change their own messages only"
        return message

    def _shared(self, file: FakeFile, room: Room) -> Json:
        file.id = file.id or self.new_id("file-")
        self.files[file.id] = file
        if file.inline:
            return {"contentType": "image/*", "contentUrl": f"{self.base}/connector/v3/attachments/{file.id}/views/original"}
        content = {
            "downloadUrl": f"{self.base}/storage/download/{file.id}?tempauth=1", "uniqueId": file.id,
            "fileType": file.name.rpartition(".")[2],
        }  # fmt: skip
        url = f"https://acme-my.sharepoint.com/personal/{room.key}/Documents/{file.name}"
        return {"contentType": FILE_INFO, "contentUrl": url, "name": file.name, "content": content}

    def uploaded(self, name: str) -> bytes:
        """What was put for a file of this name. Raises BotError when nothing was."""
        if name not in self.uploads:
            raise BotError(404, "itemNotFound", name)
        return self.uploads[name]
