"""What must not be kept when somebody types it into a chat all the same: passwords, codes, keys. Pure."""

import re

REMOVED = "[removed]"
# Every run in these patterns that may begin at many places is bounded: the time for a message grows with its length, not with its square.

_NAMED = (
    r"[^\W\d_]{0,20}(?:password|passwort|kennwort)|passphrase|passcode|passwd|pwd|pw|pin|otp|api[ _-]?(?:key|schlüssel)"
    r"|secret(?:[ _-]?(?:access[ _-]?)?key)?|token"
    r"|(?:access|account|shared[ _-]?access|private|license)[ _-]?key|client[ _-]?secret"
    r"|mot de passe|mdp|code secret|cl[ée] (?:d[’']api|secr[èe]te)|jeton|contrase[ñn]a|clave(?: secreta| de acceso)?|senha|wachtwoord"
    r"|(?:one[- ]time|verification|security|mfa|2fa|access|log[- ]?in|sign[- ]?in|recovery|backup)[ -]?code"
    r"|(?:best[äa]tigungs|sicherheits|einmal|anmelde|zugangs)-?code|einmalpasswort"
    r"|code (?:de )?(?:v[ée]rification|s[ée]curit[ée]|confirmation|unique)|c[óo]digo de (?:verificaci[óo]n|seguridad|acceso)"
)
_ABOUT_IT = (
    r"not|no|too|[a-z]+ed|wrong|expired|expires|locked|correct|old|new|working|broken|invalid|gone|the|my|a|an|it|on|in|at|for|from|to|of|with|about"
    "|case|due|good|never|always|only|still|also|being|been|set|sent|stored|shown|shared|given|asked|reset|changed|changing|required|needed"
    "|rejected|refused|accepted|blocked|known|unknown|weak|strong|safe|secret|hidden|valid|missing|empty|must|should|minimum|what|where|how|why"
    "|which|when|that|this|there|your|their|our|his|her|same|different|optional|encrypted|managed|rotated|printed|written|forgotten|lost|stolen"
    "|nicht|kein|keine|mindestens|höchstens|muss|wird|wurde|falsch|abgelaufen|gesperrt|ungültig|vergessen|zu|das|der|die|mein|meine|weg|im|bei|für|neu|alt|gleich|leer|immer|noch"
    "|pas|expiré|faux|incorrect|perdu|oublié|bloqué|le|la|les|mon|ma|un|une|trop|toujours|invalide|dans|pour|vide"
    "|caducada|caducado|incorrecta|incorrecto|olvidada|bloqueada|mi|el|una|muy|inválida|en|para|que|expirou|errada"
)
"""What follows "my password is" when it is talked about, not told."""
_EDGE = r"(?<![^\W_])"
"""Where a word begins, as in DB_PASSWORD."""
_IS = r"(?:[\"'´`*]{0,3}\s*(?:->|=>|:=|=|:)\s*|\s+(?:is|was|are|ist|war|lautet|est|était|es|era|é|è)\s*:?\s+)"
_WHOSE = "my|our|mein|meine|unser|mon|ma|notre|mi|nuestra|meu|minha"
_THEN = "thanks|thank|danke|merci|gracias|and|but|please|can|could|und|bitte|aber|kannst|et|mais|y|pero|por"
"""What follows a password that was told."""
_QUOTED = r"(?P<{0}>[\"'`])[^\n]{{3,120}}?(?P={0})|[„“«‹][^\n]{{3,120}}?[”“»›]"
_LIKE_ONE = (
    r"(?!\d{1,3}[-–]?[A-Za-zäöü]+[.,;:!?)]*(?:\s|\Z)|https?://|www\.|[\w.+-]+@[\w-]+\.\w|[A-Z]{2,5}-\d+\b|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}\b)"
    r"(?=\S{0,200}[^\W\d_])(?=\S{0,200}(?:\d|[!@#$%^&*_+=~?]\S|[a-zß-ÿ][A-Z]))\S{6,}"
)
"""A word that nobody would write but as a password: letters with digits, signs or capitals inside; no address, date, case or "90-day"."""
_TOLD = re.compile(
    rf"(?P<name>{_EDGE}(?P<whose>(?:{_WHOSE})\s+)?(?:{_NAMED})\b{_IS})"
    rf"(?!(?:{_ABOUT_IT})\b)(?:{_QUOTED.format('q1')}|(?P<word>[^\s\"'`,;][^\s]{{3,}}))(?P<last>\s*\Z|\s*\n|\s+(?:{_THEN})\b)?",
    re.IGNORECASE,
)
_TOLD_WITH_MORE = re.compile(
    rf"(?P<name>(?i:{_EDGE}(?:{_NAMED})s?\b)(?:[^\n.!?:=|]{{0,40}}?(?:{_IS}|\s+(?:to|be|auf|en|à|a)\s+|\s*\|\s*)|\s+))(?:{_QUOTED.format('q2')}|{_LIKE_ONE})"
)
_TOLD_BEFORE = re.compile(
    rf"(?:{_QUOTED.format('q3')}|(?:(?<!\S)|(?<=(?<!\S)[(\"'`])){_LIKE_ONE})(?P<name>\s+(?:(?i:is|was|ist|war|est|es|é)\s+(?:[^\W\d]+\s+){{1,3}}?|(?i:as|als|comme|como)\s+(?:[^\W\d]+\s+){{0,2}}?)"
    rf"(?i:{_NAMED})\b)"
)
_KEY = re.compile(rf"(?:[\w.-]{{0,40}}[_.-])?(?:{_NAMED}|secret|token)s?", re.IGNORECASE)
_PHRASE = re.compile(
    r"(?P<name>\b(?:passphrase|(?:seed|recovery|secret|backup)[ -]phrase|mnemonic|wiederherstellungsphrase"
    rf"|phrase (?:de r[ée]cup[ée]ration|secr[èe]te)|frase (?:de recuperaci[óo]n|secreta)){_IS})(?!(?:{_ABOUT_IT})\b)[^\n.]{{4,}}",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(
    r"(?P<name>\b(?:credentials|creds|zugangsdaten|anmeldedaten|identifiants|credenciales|log[- ]?in)\s*(?:\w+\s+){0,3}?"
    r"(?:are|sind|sont|son|:|=)\s*)\S{1,200}\s*(?:/|:|\band\b|\bund\b|\bet\b|\by\b|,)\s*\S{4,}",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    rf"(?P<name>(?i:{_EDGE}(?:{_NAMED})s\b)[^\n.!?:=|]{{0,20}}?\s(?i:are|were|sind|waren|sont|son)\s+)"
    rf"{_LIKE_ONE}(?:(?:,|\s+(?i:and|or|und|oder|et|ou|y|o))\s+{_LIKE_ONE}){{1,4}}"
)
_TOLD_ELSEWHERE = re.compile(
    # Only what looks like a password follows these: "pass" has other meanings, and what is said about the others is not known here.
    rf"(?P<name>(?i:{_EDGE}(?:pass\s*(?:[:=]|\sis\s)|(?:hasł[oa]|adgangskode|kodeord|lösenord|passord|salasana|heslo|jelszó|lozinka|parola"
    r"|şifre|пароль|пароля|паролем)\b[^\n.!?\d]{0,20}?[\s:=])\s*[\"'„«]?))"
    rf"{_LIKE_ONE}"
    r"|(?P<cjk>(?:密码|密碼|口令|验证码|驗證碼|パスワード|暗証番号|認証コード|비밀번호|암호|인증번호)[^\n!-~]{0,6}?(?:是|为|為|は|が|은|는|[:=\uff1a])"
    r"\s*[「“\"']?)(?=[!-~]{0,60}\d)[!-~]{4,60}"
)
_TAGGED = re.compile(
    r"(?P<name>[<‹](?:[\w.:-]{0,30}[._:-])?[^\W\d_]{0,20}(?:password|passwd|pwd|passphrase|secret|token|api-?key)(?:\s[^<>‹›\n]{0,100})?[>›]\s{0,9})"
    r"[^<>‹›\s][^<>‹›\n]{2,200}(?=[<‹]/)",
    re.IGNORECASE,
)
_ON_A_COMMAND_LINE = re.compile(r"(?P<name>\b(?:mysql\w{0,10}|mariadb|docker login|podman login)\b[^\n]{0,80}?\s-p ?)(?!-)\S{4,}")
_CREDS = re.compile(rf"(?P<name>(?i:\b(?:credentials|creds|zugangsdaten|identifiants)\b:?\s+)[\w.@-]{{2,60}}\s?[:/]\s?){_LIKE_ONE}")
_SHAPED = re.compile(
    # Keys in armour
    r"-----BEGIN [A-Z0-9 ]*(?:PRIVATE KEY|PRIVATE KEY BLOCK)-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"
    r"|\bAGE-SECRET-KEY-1[0-9A-Z]{20,}|\bPuTTY-User-Key-File-\d.*?(?:Private-MAC: \S+|\Z)"
    # Tokens that begin with what they are
    r"|\b(?:xox[abceprs]-[\w.-]{10,}|xapp-[\w-]{10,}|sk-[\w-]{16,}|gh[oprsu]_\w{20,}|github_pat_\w{20,}|gl(?:pat|ptt|dt|rt|cbt|soat)-[\w.-]{16,}"
    r"|(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}|AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}|(?:sk|rk|pk|whsec)_(?:live_|test_)?[0-9a-zA-Z]{16,}"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|key-[0-9a-f]{32}|npm_\w{30,}|pypi-[\w-]{30,}|dckr_(?:pat|oat)_[\w-]{20,}|do[opr]_v1_[0-9a-f]{40,}|hf_\w{20,}"
    r"|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{20,}|dapi[0-9a-f]{32}(?:-\d)?|lin_(?:api|oauth)_\w{20,}|ntn_\w{20,}|secret_\w{32,}|ATATT3\S{20,}|ATCTT3\S{20,}"
    r"|NRAK-\w{20,}|hv[sbr]\.[\w-]{20,}|[\w]{14}\.atlasv1\.[\w-]{40,}|dp\.(?:pt|st|ct|sa)\.[\w.]{20,}|PMAK-[\w-]{20,}|EAAC\w{20,}|sntr[yus]+_[\w=+/-]{20,}"
    r"|(?:AC|SK)[0-9a-f]{32}|\d{8,10}:AA[\w-]{30,}|[MNO][\w-]{23,40}\.[\w-]{6}\.[\w-]{27,}|\w{3}8Q~[\w.~-]{30,}|eyJ[\w-]{10,1000}\.[\w-]{10,}(?:\.[\w-]*)?"
    r"|figd_[\w-]{20,}|pat[A-Za-z0-9]{14}\.[0-9a-f]{40,}|sl\.[\w-]{60,}|tskey-[\w-]{20,}|rubygems_[0-9a-f]{40,}|glsa_\w{30,}|xkeysib-[0-9a-f]{40,}\S*)"
    # Passwords inside addresses, headers and commands
    r"|(?<=://)[^\s:/@\"'<>]{0,100}:[^\s\"'<>]{1,300}(?=@[\w.\-\[])"
    r"|\botpauth://\S+"
    r"|(?<=\bAuthorization: )\S+ \S+|(?<=\bauthorization: )\S+ \S+|\b[Bb]earer +(?=[\w.~+/=-]*\d)[\w.~+/=-]{12,}"
    r"|\bBasic +(?=\S*\d)[A-Za-z0-9+/]{12,}={0,2}"
    r"|(?<=\bcurl -u )\S+|(?<= --user )\S+:\S+|(?<=\bsshpass -p )\S+|(?<= --password )\S+|(?<= -p)\S{6,}(?= -h\b)"
    r"|(?<=[?&#;])(?i:(?:access_|refresh_|id_|auth_?)?token|sig(?:nature)?|api_?key|(?:client_)?secret|passw(?:or)?d|pwd|code"
    r"|x-(?:amz|goog)-signature)=[^\s&#\"'<>;]+"
    r"|(?<=/step-up/)[\w.~%-]+|(?<=/step-ups/)[\w.~%-]+"
    r"|(?:(?<=/invite/)|(?<=/reset/)|(?<=/verify/)|(?<=/confirm/)|(?<=/activate/)|(?<=/magic/))[\w.~%-]{16,}"
    # Recovery keys
    r"|\b\d{6}(?:-\d{6}){7}\b|\b[A-Z0-9]{4}(?:-[A-Z0-9]{4}){5,}\b|\b[A-Z0-9]{5}(?:-[A-Z0-9]{5}){4}\b",
    re.DOTALL,
)


def without_secrets(text: str) -> str:
    """The text with what looks like a secret replaced by REMOVED; the same text when there is none."""
    text = _SHAPED.sub(REMOVED, text)
    text = _TOLD.sub(_told, text)
    for told in (_TAGGED, _ON_A_COMMAND_LINE, _PHRASE, _SEVERAL, _TOLD_WITH_MORE, _CREDENTIALS, _CREDS):
        text = told.sub(lambda found: found["name"] + REMOVED, text)
    text = _TOLD_ELSEWHERE.sub(lambda found: (found["name"] or found["cjk"]) + REMOVED, text)
    return _TOLD_BEFORE.sub(lambda found: REMOVED + found["name"], text)


def names_secret(key: str) -> bool:
    """Whether what stands under this name, as in {"password": ...}, is a secret."""
    return _KEY.fullmatch(key.strip()) is not None


def _told(found: re.Match[str]) -> str:
    """A plain word is a password if it is somebody's own, or ends what is said: "an old password is probably stored" tells none."""
    word, last = found["word"], found["last"] or ""
    if word is not None and word.isalpha() and word.islower() and not found["whose"] and found["last"] is None:
        return found[0]
    return found["name"] + REMOVED + last
