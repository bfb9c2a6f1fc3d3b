"""An LDAP server that nobody here wrote: Debian's slapd on loopback, with the company in it and a policy by which accounts really lock.

What tests do to it and look at goes by OpenLDAP's own commands, and the overlay auditlog tells what was changed, by whom.
"""

import asyncio
import atexit
import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from tests.outside import company
from tests.outside.certificates import Kind, certify

SLAPD, SLAPADD = "/usr/sbin/slapd", "/usr/sbin/slapadd"
ROOT_DN, ROOT_PASSWORD = f"cn=root,{company.BASE}", "the-harness-own"
POLICY = f"cn=usual,{company.POLICIES}"
START_SECONDS = 10.0
USUAL_POLICY: Mapping[str, str] = MappingProxyType(
    {
        "pwdLockout": "TRUE",
        "pwdMaxFailure": "3",
        "pwdMinLength": "12",
        "pwdInHistory": "5",
        "pwdCheckQuality": "2",
        "pwdMustChange": "FALSE",
        "pwdAllowUserChange": "TRUE",
    }
)
"""Three wrong passwords lock, until somebody unlocks."""

_ACL = """
access to dn.subtree="{people}" attrs=userPassword
  by dn.exact="{service}" =w
  by self =wx
  by anonymous auth
  by * none
access to dn.subtree="{people}" attrs=pwdHistory
  by * none
access to dn.subtree="{people}" attrs=pwdAccountLockedTime
  by dn.exact="{service}" write
  by * none
access to dn.children="{applications}" attrs=member,uniqueMember,memberUid
  by dn.exact="{service}" write
  by * none
access to dn.subtree="{services}"
  by anonymous auth
  by * none
access to dn.subtree="{base}"
  by dn.exact="{service}" read
  by self read
  by anonymous auth
  by * none
"""
"""The least that the service account needs."""

_CONF = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
include {folder}/company.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
moduleload auditlog
{memberof_module}
pidfile {folder}/slapd.pid
TLSCACertificateFile {folder}/tls/ca.pem
TLSCertificateFile {folder}/tls/server.pem
TLSCertificateKeyFile {folder}/tls/server.key
# Whoever reads all people has to page.
sizelimit size.soft=100 size.hard=100 size.prtotal=unlimited
database mdb
suffix "{base}"
directory {folder}/db
maxsize 67108864
dbnosync
rootdn "{root}"
rootpw {password}
index objectClass,employeeNumber,uid,mail,member,cn eq
index entryUUID,entryCSN,modifyTimestamp eq
{acl}
overlay ppolicy
ppolicy_default "{policy}"
ppolicy_use_lockout
{memberof_overlay}
overlay auditlog
auditlog {folder}/audit.ldif
"""


@dataclass(frozen=True, slots=True)
class Write:
    """One change that the server made. `changes`: attribute by kind ("replace: userPassword"); an added entry is "add"."""

    by: str
    dn: str
    changes: tuple[str, ...]


class Slapd:
    """`async with Slapd(tmp_path) as slapd`: a directory of the whole company, of this test alone.

    `certificate`: "valid", "expired" or "other_name"; `policy` goes over USUAL_POLICY; `acl` in place of what the service account may.
    """

    def __init__(
        self,
        folder: Path,
        *,
        memberof: bool = True,
        certificate: Kind = "valid",
        policy: Mapping[str, str] = MappingProxyType({}),
        acl: str = _ACL,
    ) -> None:
        self._folder = folder / "slapd"
        self._process: subprocess.Popen[bytes] | None = None
        self._memberof, self._certificate, self._policy, self._acl = memberof, certificate, policy, acl
        self.port, self.tls_port = _free_ports(2)
        self.url, self.tls_url = f"ldap://127.0.0.1:{self.port}", f"ldaps://127.0.0.1:{self.tls_port}"
        self.ca = self._folder / "tls" / "ca.pem"

    async def __aenter__(self) -> Self:
        template = await asyncio.to_thread(_template, self._memberof, tuple(sorted({**USUAL_POLICY, **self._policy}.items())))
        await asyncio.to_thread(shutil.copytree, template, self._folder)
        shutil.rmtree(self._folder / "tls")
        certify(self._folder / "tls", self._certificate)
        _configure(self._folder, memberof=self._memberof, acl=self._acl)
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def start(self) -> None:
        """Also again after `stop` or `kill`: on the same ports, with what it had."""
        self._process = await _started(self._folder, self.port, f"{self.url} {self.tls_url}")

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(how)
            await asyncio.to_thread(process.wait, 10)

    def freeze(self) -> None:
        """From now on it takes connections and says nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    async def certify(self, kind: Kind) -> None:
        """Shows another certificate of a new authority from now on: starts anew. `ca` stays where it is."""
        await self.stop()
        certify(self._folder / "tls", kind)
        await self.start()

    async def entry(self, dn: str) -> Mapping[str, tuple[str, ...]] | None:
        """All that the server knows of an entry, also what it keeps for itself; attributes in lower case."""
        result, told = await run("ldapsearch", *self._root(), "-LLL", "-o", "ldif-wrap=no", "-s", "base", "-b", dn, "*", "+")
        if result == NO_SUCH_OBJECT:
            return None
        _check(result, told)
        found: dict[str, tuple[str, ...]] = {}
        for name, value in _pairs(told):
            found[name.lower()] = (*found.get(name.lower(), ()), value)
        return found

    async def person(self, person_key: str) -> Mapping[str, tuple[str, ...]]:
        found = await self.entry(company.dn_of(person_key))
        assert found is not None
        return found

    async def members(self, group_dn: str) -> frozenset[str]:
        """DNs, without the placeholder."""
        found = await self.entry(group_dn)
        assert found is not None
        return frozenset(found["member"]) - {company.PLACEHOLDER}

    async def modify(self, ldif: str) -> None:
        """Changes as LDIF ("dn: ...", "changetype: modify" ...), by the harness itself; raises AssertionError when refused."""
        _check(*await run("ldapmodify", *self._root(), "-e", "!relax", given=ldif))

    async def replace(self, dn: str, **attributes: str | None) -> None:
        """Sets attributes; None takes one away."""
        lines = [f"dn: {dn}", "changetype: modify"]
        for name, value in attributes.items():
            lines += [f"replace: {name}", *([] if value is None else [f"{name}:: {base64.b64encode(value.encode()).decode()}"]), "-"]
        await self.modify("\n".join(lines) + "\n")

    async def rename(self, dn: str, rdn: str) -> None:
        await self.modify(f"dn: {dn}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\n")

    async def delete(self, dn: str) -> None:
        await self.modify(f"dn: {dn}\nchangetype: delete\n")

    async def signs_in(self, dn: str, password: str) -> bool:
        """Whether this password is taken: a wrong one counts towards the lock, as anybody's does."""
        result, told = await run("ldapwhoami", "-x", "-H", self.url, "-D", dn, "-w", password)
        if result not in (INVALID_CREDENTIALS, UNWILLING):
            _check(result, told)
        return result == 0

    async def lock(self, person_key: str) -> None:
        """As it happens: by wrong passwords."""
        for _ in range(3):
            assert not await self.signs_in(company.dn_of(person_key), "wrong")

    def writes(self, dn: str | None = None, *, by: str | None = company.SERVICE_DN) -> Sequence[Write]:
        """What was changed since the start, oldest first: by the service account, or by whoever is named; None: by anybody."""
        return [
            one
            for one in _audited(self._folder / "audit.ldif")
            if (dn is None or one.dn.lower() == dn.lower()) and (by is None or one.by.lower() == by.lower())
        ]

    def _root(self) -> tuple[str, ...]:
        return ("-x", "-H", self.url, "-D", ROOT_DN, "-w", ROOT_PASSWORD)


NO_SUCH_OBJECT, INVALID_CREDENTIALS, UNWILLING = 32, 49, 53


async def run(*command: str, given: str = "") -> tuple[int, str]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    told, _ = await process.communicate(given.encode())
    return process.returncode or 0, told.decode()


def _check(result: int, told: str) -> None:
    assert result == 0, f"{result}: {told}"


async def _started(folder: Path, port: int, urls: str) -> subprocess.Popen[bytes]:
    """As whoever runs the test; it dies with the test, however that ends."""
    command = ["setpriv", "--pdeathsig", "KILL", SLAPD, "-f", str(folder / "slapd.conf"), "-h", urls, "-d", "0"]
    with (folder / "out").open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    end = asyncio.get_running_loop().time() + START_SECONDS
    while not _open(port):
        if process.poll() is not None or asyncio.get_running_loop().time() > end:
            process.kill()
            raise RuntimeError("slapd did not start:\n" + (folder / "out").read_text(errors="replace")[-3000:])
        await asyncio.sleep(0.005)
    return process


def _open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _configure(folder: Path, *, memberof: bool, acl: str = _ACL) -> None:
    allowed = acl.format(
        service=company.SERVICE_DN, people=company.PEOPLE, applications=company.APPLICATIONS, services=company.SERVICES, base=company.BASE
    )
    conf = _CONF.format(
        folder=folder,
        base=company.BASE,
        root=ROOT_DN,
        password=ROOT_PASSWORD,
        policy=POLICY,
        acl=allowed,
        memberof_module="moduleload memberof" if memberof else "",
        memberof_overlay="overlay memberof\nmemberof-refint TRUE" if memberof else "",
    )
    (folder / "slapd.conf").write_text(conf)


@cache
def _template(memberof: bool, policy: tuple[tuple[str, str], ...]) -> Path:
    """A folder with the whole company and Dana locked out, made once a process and copied for each test."""
    folder = Path(tempfile.mkdtemp(prefix="foyer-slapd-"))
    owner = os.getpid()
    atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == owner else None)
    (folder / "db").mkdir()
    (folder / "company.schema").write_text(company.SCHEMA)
    certify(folder / "tls")
    _configure(folder, memberof=memberof)
    rules = "".join(f"{name}: {value}\n" for name, value in policy)
    usual = f"dn: {POLICY}\nobjectClass: organizationalRole\nobjectClass: pwdPolicy\ncn: usual\npwdAttribute: userPassword\n{rules}"
    content = company.ldif(memberof=memberof) + "\n" + usual
    command = [SLAPADD, "-q", "-f", str(folder / "slapd.conf")]
    loaded = subprocess.run(command, input=content.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    _check(loaded.returncode, loaded.stdout.decode())
    asyncio.run(_lock_dana(folder))
    (folder / "audit.ldif").unlink()
    return folder


async def _lock_dana(folder: Path) -> None:
    [port] = _free_ports(1)
    process = await _started(folder, port, f"ldap://127.0.0.1:{port}")
    try:
        for _ in range(3):
            dn = company.dn_of(company.LOCKED)
            result, told = await run("ldapwhoami", "-x", "-H", f"ldap://127.0.0.1:{port}", "-D", dn, "-w", "wrong")
            assert result == INVALID_CREDENTIALS, told
    finally:
        process.terminate()
        process.wait(timeout=10)


def _pairs(ldif: str) -> list[tuple[str, str]]:
    pairs = []
    for line in ldif.splitlines():
        name, colon, value = line.partition(":")
        if not colon or line.startswith("#"):
            continue
        pairs.append((name, base64.b64decode(value[1:]).decode(errors="replace") if value.startswith(":") else value.strip()))
    return pairs


_KINDS = {"add", "delete", "replace"}


def _audited(log: Path) -> list[Write]:
    """Reads what auditlog wrote: a comment that says who, then the change as LDIF."""
    if not log.exists():
        return []
    found = []
    for block in re.split(r"\n\n+", re.sub(r"\n ", "", log.read_text(errors="replace"))):
        header = re.match(r"# (?P<kind>\S+) \d+ \S+(?: (?P<by>\S.*?))? (?:IP=|\S*conn=)", block)
        pairs = _pairs(block)
        dn = next((value for name, value in pairs if name == "dn"), None)
        if header is None or dn is None:
            continue
        changes = tuple(f"{name}: {value}" for name, value in pairs if name in _KINDS and not value.startswith(("entryCSN", "modif")))
        found.append(Write(by=header["by"] or "", dn=dn, changes=changes or (header["kind"],)))
    return found
