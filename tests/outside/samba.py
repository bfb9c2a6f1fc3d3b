"""An Active Directory that nobody here wrote: Debian's Samba as the only domain controller of the company's domain, on loopback.

It serves LDAP and nothing else (no Kerberos, no DNS, no SMB). Its ports are fixed (389, 636), so that it needs an address of its own
and root. What tests do to it goes by OpenLDAP's and Samba's own commands.
"""

import asyncio
import atexit
import base64
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.outside import company, domain
from tests.outside.certificates import Kind, certify
from tests.outside.domain import ROOT, Rights

SAMBA, TOOL, PYTHON = "/usr/sbin/samba", "/usr/bin/samba-tool", "/usr/bin/python3"
ADMINISTRATOR, ADMINISTRATOR_PASSWORD = f"CN=Administrator,CN=Users,{ROOT}", "Adm1n-of-Acme!"
START_SECONDS = 20.0
THRESHOLD = 3
"""That many wrong passwords lock an account, for half an hour."""
NO_SUCH_OBJECT, INVALID_CREDENTIALS = 32, 49
LOCKED_OUT = "775"
"""ERROR_ACCOUNT_LOCKED_OUT, in the text of a refused bind."""
_CLAIMED = 38_900
"""The port by which tests tell each other that an address is taken."""
_NOTHING = ("-LLL", "-s", "base", "-b", "", "1.1")
"""Asks for nothing: Samba has no "Who am I?"."""

_CONF = """
[global]
	realm = {realm}
	workgroup = {workgroup}
	netbios name = DC1
	server role = active directory domain controller
	server services = ldap
	interfaces = {address}/8
	bind interfaces only = yes
	ldap server require strong auth = {strong}
	tls enabled = yes
	tls certfile = {folder}/tls/server.pem
	tls keyfile = {folder}/tls/server.key
	tls cafile = {folder}/tls/ca.pem
	private dir = {folder}/private
	state directory = {folder}/state
	cache directory = {folder}/cache
	lock directory = {folder}/lock
	binddns dir = {folder}/bind-dns
	pid directory = {folder}/run
	ncalrpc dir = {folder}/run/ncalrpc
	winbindd socket directory = {folder}/run/winbindd
	ntp signd socket directory = {folder}/run/ntp
	vfs objects = dfs_samba4 acl_xattr xattr_tdb
	posix:eadb = {folder}/private/eadb.tdb
	load printers = no
	disable spoolss = yes
	logging = file
	log file = {folder}/log
[sysvol]
	path = {folder}/state/sysvol
[netlogon]
	path = {folder}/state/sysvol/acme.example/scripts
"""

_FILL = """
import sys
from samba.auth import system_session
from samba.dcerpc.security import dom_sid
from samba.ndr import ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB

configuration, database, service, *files = sys.argv[1:]
parameters = LoadParm()
parameters.load(configuration)
sam = SamDB(database, lp=parameters, session_info=system_session(parameters))
sam.transaction_start()
for file in files:
    with open(file, encoding="utf-8") as ldif:
        (sam.modify_ldif if file.endswith(".changes") else sam.add_ldif)(ldif.read())
sam.transaction_commit()
[found] = sam.search(base=service, attrs=["objectSid"], scope=0)
print(ndr_unpack(dom_sid, found["objectSid"][0]))
"""
"""For Debian's own Python, which has Samba's modules: fills a domain that is not running, and tells the service account's SID."""


def missing() -> str | None:
    """Why it cannot run here; None where it can."""
    if os.geteuid() != 0:
        return "Samba's LDAP ports (389, 636) are fixed and root's alone"
    return None if Path(SAMBA).exists() else "Debian's samba is not installed: tests/e2e/install"


class Samba:
    """`async with Samba(tmp_path) as samba`: a domain of the whole company, with Dana locked out, of this test alone.

    `rights`: what the service account may; `certificate`: "valid", "expired" or "other_name"; `more`: LDIF of what is there besides.
    `plain`: passwords are taken without TLS too, so that what goes over the wire can be read on its way.
    """

    def __init__(
        self, folder: Path, *, rights: Rights = domain.RIGHTS, certificate: Kind = "valid", more: str = "", plain: bool = False
    ) -> None:
        self._folder = folder / "samba"
        self._process: subprocess.Popen[bytes] | None = None
        self._rights, self._certificate, self._more, self._plain = rights, certificate, more, plain
        self._claim = _claim()
        self.address = _address(self._claim)
        self.url, self.plain_url = f"ldaps://{self.address}", f"ldap://{self.address}"
        self.ca = self._folder / "tls" / "ca.pem"

    async def __aenter__(self) -> Self:
        template = await asyncio.to_thread(_template, self._rights)
        await asyncio.to_thread(shutil.copytree, template, self._folder)
        _configure(self._folder, self.address, self._certificate, plain=self._plain)
        if self._more:
            await asyncio.to_thread(_fill, self._folder, {"more": self._more})
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()
        self._claim.close()
        shutil.rmtree(self._folder)

    async def start(self) -> None:
        """Also again after `stop` or `kill`: at the same address, with what it had."""
        self._process = await _started(self._folder, self.address)

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            await asyncio.to_thread(process.wait, 10)

    async def entry(self, dn: str, *attributes: str) -> Mapping[str, tuple[str, ...]] | None:
        """What the domain's administrator sees of an entry; attributes in lower case, what is no text as Latin-1."""
        command = ("-LLL", "-o", "ldif-wrap=no", "-s", "base", "-b", dn, "(objectClass=*)", *(attributes or ("*",)))
        result, told = await self._run("ldapsearch", *command)
        if result == NO_SUCH_OBJECT:
            return None
        assert result == 0, told
        found: dict[str, tuple[str, ...]] = {}
        for line in told.splitlines():
            name, colon, value = line.partition(":")
            if colon and not name.startswith("#"):
                text = _decoded(value[1:]) if value.startswith(":") else value.strip()
                found[name.lower()] = (*found.get(name.lower(), ()), text)
        return found

    async def person(self, person_key: str, *attributes: str) -> Mapping[str, tuple[str, ...]]:
        found = await self.entry(domain.dn_of(person_key), *attributes)
        assert found is not None
        return found

    async def members(self, group_dn: str) -> frozenset[str]:
        found = await self.entry(group_dn, "member")
        assert found is not None
        return frozenset(found.get("member", ()))

    async def modify(self, ldif: str) -> None:
        """Changes as LDIF, by the domain's administrator; raises AssertionError when refused."""
        result, told = await self._run("ldapmodify", given=ldif)
        assert result == 0, told

    async def replace(self, dn: str, **attributes: str | bytes | None) -> None:
        """Sets attributes (- written as _); None takes one away."""
        changes: list[tuple[str, str | bytes]] = [("dn", dn), ("changetype", "modify")]
        for written_name, value in attributes.items():
            name = written_name.replace("_", "-")
            changes += [("replace", name), *([] if value is None else [(name, value)]), ("-", "")]
        await self.modify(domain.written([changes]))

    async def join(self, group_dn: str, member_dn: str) -> None:
        await self.modify(domain.written([[("dn", group_dn), ("changetype", "modify"), ("add", "member"), ("member", member_dn)]]))

    async def signs_in(self, dn: str, password: str) -> bool:
        """Whether this password is taken: a wrong one counts towards the lock, as anybody's does."""
        result, told = await self._run("ldapsearch", *_NOTHING, who=dn, password=password)
        assert result in (0, INVALID_CREDENTIALS), told
        return result == 0

    async def lock(self, person_key: str) -> None:
        """As it happens: by wrong passwords."""
        await _lock(self.ca, self.url, domain.dn_of(person_key))

    async def _run(
        self, command: str, *more: str, given: str = "", who: str = ADMINISTRATOR, password: str = ADMINISTRATOR_PASSWORD
    ) -> tuple[int, str]:
        return await _run(self.ca, self.url, command, *more, given=given, who=who, password=password)


async def _run(
    ca: Path, url: str, command: str, *more: str, given: str = "", who: str = ADMINISTRATOR, password: str = ADMINISTRATOR_PASSWORD
) -> tuple[int, str]:
    pipe = asyncio.subprocess.PIPE
    arguments = (command, "-x", "-H", url, "-D", who, "-w", password, *more)
    environment = {**os.environ, "LDAPTLS_CACERT": str(ca), "LDAPTLS_REQCERT": "never"}
    process = await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT, env=environment)
    told, _ = await process.communicate(given.encode())
    return process.returncode or 0, told.decode()


async def _lock(ca: Path, url: str, dn: str) -> None:
    """Wrong passwords until the domain says that the account is locked, which it says of no wrong password before."""
    for _ in range(2 * THRESHOLD):
        result, told = await _run(ca, url, "ldapsearch", *_NOTHING, who=dn, password="wrong")
        assert result == INVALID_CREDENTIALS, told
        if f"data {LOCKED_OUT}" in told:
            return
    raise AssertionError(f"it does not lock: {told}")


async def _started(folder: Path, address: str) -> subprocess.Popen[bytes]:
    """One process, in the foreground; it dies with the test, however that ends."""
    command = ["setpriv", "--pdeathsig", "KILL", SAMBA, "-s", str(folder / "smb.conf"), "--interactive", "--model=single"]
    with (folder / "out").open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    end = asyncio.get_running_loop().time() + START_SECONDS
    while not _open(address):
        if process.poll() is not None or asyncio.get_running_loop().time() > end:
            process.kill()
            raise RuntimeError("samba did not start:\n" + (folder / "out").read_text(errors="replace")[-3000:])
        await asyncio.sleep(0.01)
    return process


def _open(address: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, 636)) == 0


def _claim() -> socket.socket:
    """An address of loopback's that no other test has, as long as this socket is open."""
    for last in range(77, 255):
        claim = socket.socket()
        try:
            claim.bind((f"127.0.0.{last}", _CLAIMED))
            for port in (389, 636):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((f"127.0.0.{last}", port))
        except OSError:
            claim.close()
            continue
        return claim
    raise RuntimeError("no free address on loopback")


def _address(claim: socket.socket) -> str:
    return str(claim.getsockname()[0])


def _configure(folder: Path, address: str, certificate: Kind = "valid", *, plain: bool = False) -> None:
    certify(folder / "tls", certificate, address=address)
    strong = "no" if plain else "yes"
    conf = _CONF.format(folder=folder, address=address, realm=domain.REALM, workgroup=domain.WORKGROUP, strong=strong)
    (folder / "smb.conf").write_text(conf)


@cache
def _template(rights: Rights) -> Path:
    """A folder with the whole company, and with what the service account may; made once a process and copied for each test."""
    bare, folder = _bare(), _scratch()
    shutil.copytree(bare, folder, dirs_exist_ok=True)
    _configure(folder, "127.0.0.77")
    sid = _fill(folder, {})
    for dn, aces in rights:
        _tool(folder, "dsacl", "set", "--action=allow", f"--objectdn={dn}", f"--sddl={aces.format(sid=sid)}")
    return folder


@cache
def _bare() -> Path:
    folder, claim = _scratch(), _claim()
    address = _address(claim)
    for name in ("lock", "cache", "run"):
        (folder / name).mkdir()
    _configure(folder, address)
    options = ["--server-role=dc", "--use-rfc2307", "--dns-backend=NONE", "--host-name=dc1", f"--host-ip={address}"]
    company_names = [f"--realm={domain.REALM}", f"--domain={domain.WORKGROUP}", f"--adminpass={ADMINISTRATOR_PASSWORD}"]
    _execute(TOOL, "domain", "provision", "-s", str(folder / "smb.conf"), *options, *company_names)
    lockout = [f"--account-lockout-threshold={THRESHOLD}", "--account-lockout-duration=30", "--reset-account-lockout-after=30"]
    passwords = ["--min-pwd-length=12", "--history-length=5", "--complexity=on", "--min-pwd-age=0"]
    _tool(folder, "domain", "passwordsettings", "set", *lockout, *passwords)
    _fill(folder, {"company": domain.ldif(), "managers.changes": domain.managers()})
    asyncio.run(_lock_dana(folder, address))
    claim.close()
    return folder


async def _lock_dana(folder: Path, address: str) -> None:
    process = await _started(folder, address)
    try:
        await _lock(folder / "tls" / "ca.pem", f"ldaps://{address}", domain.dn_of(company.LOCKED))
    finally:
        process.terminate()
        process.wait(timeout=10)
    # Sockets of the process that has ended; a copy of the folder cannot have them.
    for name in ("ldapi", "ldap_priv/ldapi"):
        (folder / "private" / name).unlink(missing_ok=True)


def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="foyer-samba-"))
    owner = os.getpid()
    atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == owner else None)
    return folder


def _fill(folder: Path, files: Mapping[str, str]) -> str:
    paths: list[str] = []
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        paths.append(str(folder / name))
    return _execute(PYTHON, "-c", _FILL, str(folder / "smb.conf"), str(folder / "private" / "sam.ldb"), domain.SERVICE_DN, *paths).strip()


def _tool(folder: Path, *command: str) -> None:
    _execute(TOOL, *command, "-s", str(folder / "smb.conf"), "-H", str(folder / "private" / "sam.ldb"))


def _execute(*command: str) -> str:
    done: Sequence[str] = command
    result = subprocess.run(done, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command[:4])}: {result.stderr[-2000:]}")
    return result.stdout


def _decoded(value: str) -> str:
    raw = base64.b64decode(value)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
