"""Formats of tokens, keys and webhook addresses, from what their issuers publish: one row each.

A row is (kind, the text that must occur before the pattern is tried, pattern). Every repetition has a bound, so a
scan takes time in proportion to the text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from t800.audit.words import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FORMATS", "Format", "formatted"]


class Format(NamedTuple):
    """One row: what it is, the text that must be there, and the compiled pattern.

    With `prefixed` the pattern begins with the hint.
    """

    kind: str
    hint: str
    pattern: re.Pattern[str]
    prefixed: bool = False


_A = "[A-Za-z0-9]"
_W = "[A-Za-z0-9_-]"
_H = "[0-9a-f]"
_B = "[A-Za-z0-9+/]"

# Prefix, then at least so many characters of a set: (kind, prefix, set, at least).
_PREFIXED = (
    ("GitHub token", "ghp_", _A, 30),
    ("GitHub token", "gho_", _A, 30),
    ("GitHub token", "ghu_", _A, 30),
    ("GitHub token", "ghs_", _A, 30),
    ("GitHub token", "ghr_", _A, 30),
    ("GitHub token", "github_pat_", "[A-Za-z0-9_]", 40),
    ("GitLab token", "glpat-", _W, 18),
    ("GitLab token", "gldt-", _W, 18),
    ("GitLab token", "glrt-", _W, 18),
    ("GitLab token", "glcbt-", _W, 18),
    ("GitLab token", "glptt-", _W, 18),
    ("GitLab token", "glft-", _W, 18),
    ("GitLab token", "glimt-", _W, 18),
    ("GitLab token", "glagent-", _W, 18),
    ("GitLab token", "gloas-", _W, 18),
    ("GitLab token", "glsoat-", _W, 18),
    ("GitLab token", "glffct-", _W, 18),
    ("GitLab token", "GR1348941", _W, 18),
    ("OpenAI key", "sk-proj-", _W, 20),
    ("OpenAI key", "sk-svcacct-", _W, 20),
    ("OpenAI key", "sk-admin-", _W, 20),
    ("Anthropic key", "sk-ant-", _W, 20),
    ("OpenRouter key", "sk-or-", _W, 20),
    ("secret key", "sk-lf-", "[0-9a-f-]", 30),
    ("secret key", "sk-", _A, 20),
    ("LangSmith key", "lsv2_", "[A-Za-z0-9_]", 30),
    ("Groq key", "gsk_", _A, 40),
    ("xAI key", "xai-", _W, 40),
    ("Perplexity key", "pplx-", _A, 32),
    ("Hugging Face token", "hf_", _A, 30),
    ("Hugging Face token", "api_org_", _A, 30),
    ("Replicate token", "r8_", _A, 30),
    ("Tavily key", "tvly-", _W, 20),
    ("NVIDIA key", "nvapi-", _W, 40),
    ("Fireworks key", "fw_", _A, 20),
    ("Cerebras key", "csk-", _A, 30),
    ("Voyage key", "pa-", _W, 40),
    ("Firecrawl key", "fc-", _H, 30),
    ("E2B key", "e2b_", _H, 30),
    ("Pinecone key", "pcsk_", "[A-Za-z0-9_]", 30),
    ("Jina key", "jina_", _A, 30),
    ("Cursor key", "key_", _H, 60),
    ("Logfire token", "pylf_v", "[A-Za-z0-9_]", 30),
    ("RunPod key", "rpa_", _A, 30),
    ("Runway key", "key_", _H, 100),
    ("Stripe key", "sk_live_", _A, 16),
    ("Stripe key", "sk_test_", _A, 16),
    ("Stripe key", "rk_live_", _A, 16),
    ("Stripe key", "rk_test_", _A, 16),
    ("Stripe secret", "whsec_", "[A-Za-z0-9+/=]", 24),
    ("Stripe key", "sk_prod_", _A, 16),
    ("Square token", "EAAA", _W, 56),
    ("Square token", "sq0atp-", _W, 20),
    ("Square secret", "sq0csp-", _W, 30),
    ("PayPal token", "access_token$", "[A-Za-z0-9$]", 30),
    ("Flutterwave key", "FLWSECK", "[A-Za-z0-9_-]", 14),
    ("Astra token", "AstraCS:", "[A-Za-z0-9:_-]", 20),
    ("42 secret", "s-s4t2ud-", _H, 40),
    ("Paystack key", "sk_", "[0-9a-z_]", 30),
    ("Razorpay key", "rzp_live_", _A, 14),
    ("Razorpay key", "rzp_test_", _A, 14),
    ("GoCardless token", "live_", _W, 36),
    ("Slack token", "xoxb-", "[A-Za-z0-9-]", 20),
    ("Slack token", "xoxp-", "[A-Za-z0-9-]", 20),
    ("Slack token", "xoxa-", "[A-Za-z0-9-]", 20),
    ("Slack token", "xoxr-", "[A-Za-z0-9-]", 20),
    ("Slack token", "xoxs-", "[A-Za-z0-9-]", 20),
    ("Slack token", "xoxe", "[A-Za-z0-9.-]", 30),
    ("Slack token", "xoxc-", "[A-Za-z0-9-]", 20),
    ("Slack cookie", "xoxd-", "[A-Za-z0-9%+/=-]", 20),
    ("Slack token", "xapp-", "[A-Za-z0-9-]", 30),
    ("Google key", "AIza", _W, 30),
    ("Google token", "ya29.", "[A-Za-z0-9._-]", 18),
    ("Google secret", "GOCSPX-", _W, 20),
    ("Google refresh token", "1//0", _W, 40),
    ("AWS Bedrock key", "ABSK", "[A-Za-z0-9+/=]", 60),
    ("AWS Bedrock key", "bedrock-api-key-", "[A-Za-z0-9+/=]", 20),
    ("Alibaba key id", "LTAI", _A, 14),
    ("Tencent key id", "AKID", _A, 28),
    ("Yandex key", "AQVN", _W, 30),
    ("Yandex token", "t1.", "[A-Za-z0-9_=.-]", 60),
    ("Yandex token", "y0_", _W, 30),
    ("DigitalOcean token", "dop_v1_", _H, 40),
    ("DigitalOcean token", "doo_v1_", _H, 40),
    ("DigitalOcean token", "dor_v1_", _H, 40),
    ("Cloudflare key", "v1.0-", "[0-9a-f-]", 60),
    ("Doppler token", "dp.pt.", _A, 30),
    ("Doppler token", "dp.st.", "[A-Za-z0-9._-]", 30),
    ("Doppler token", "dp.ct.", _A, 30),
    ("Doppler token", "dp.sa.", _A, 30),
    ("Doppler token", "dp.scim.", _A, 30),
    ("Doppler token", "dp.audit.", _A, 30),
    ("Vault token", "hvs.", _W, 20),
    ("Vault token", "hvb.", _W, 20),
    ("Vault token", "hvr.", _W, 20),
    ("Pulumi token", "pul-", _H, 36),
    ("Fly.io token", "fm2_", "[A-Za-z0-9+/=_-]", 40),
    ("Fly.io token", "fm1r_", "[A-Za-z0-9+/=_-]", 40),
    ("Fly.io token", "fm1a_", "[A-Za-z0-9+/=_-]", 40),
    ("Fly.io token", "fo1_", _W, 36),
    ("Heroku key", "HRKU-", "[A-Za-z0-9_-]", 30),
    ("Databricks token", "dapi", "[0-9a-f-]", 32),
    ("Databricks token", "dkea", "[0-9a-f]", 32),
    ("PlanetScale token", "pscale_", "[A-Za-z0-9_.=-]", 30),
    ("Supabase key", "sbp_", "[0-9a-z_]", 36),
    ("Supabase key", "sb_secret_", "[A-Za-z0-9_-]", 20),
    ("Neon key", "napi_", _A, 40),
    ("Prefect key", "pnu_", _A, 30),
    ("Prefect key", "pnb_", _A, 30),
    ("Sentry token", "sntrys_", "[A-Za-z0-9+/=_-]", 40),
    ("Sentry token", "sntryu_", _H, 40),
    ("Sentry token", "sntrya_", _H, 40),
    ("New Relic key", "NRAK-", _A, 24),
    ("New Relic key", "NRII-", _W, 24),
    ("New Relic key", "NRJS-", _H, 16),
    ("New Relic key", "NRAA-", _A, 24),
    ("Grafana token", "glsa_", "[A-Za-z0-9_]", 36),
    ("Grafana token", "glc_", "[A-Za-z0-9+/=]", 30),
    ("Honeycomb key", "hcaik_", _A, 40),
    ("Honeycomb key", "hcxik_", _A, 40),
    ("Honeycomb key", "hcamk_", _A, 40),
    ("PostHog key", "phx_", _A, 30),
    ("Datadog key", "ddpat_", _W, 30),
    ("Dynatrace token", "dt0c01.", "[A-Z0-9.]", 60),
    ("Snyk token", "snyk_", "[A-Za-z0-9._-]", 30),
    ("Sonar token", "sqp_", _H, 36),
    ("Sonar token", "squ_", _H, 36),
    ("Sonar token", "sqa_", _H, 36),
    ("npm token", "npm_", _A, 30),
    ("Paddle key", "pdl_live_apikey_", _W, 30),
    ("Paddle key", "pdl_sdbx_apikey_", _W, 30),
    ("Persona key", "persona_production_", _W, 16),
    ("Persona key", "persona_sandbox_", _W, 16),
    ("LinkedIn secret", "WPL_AP1.", "[A-Za-z0-9.=]", 20),
    ("PyPI token", "pypi-", _W, 50),
    ("RubyGems key", "rubygems_", _H, 40),
    ("NuGet key", "oy2", "[a-z0-9]", 40),
    ("Clojars token", "CLOJARS_", "[0-9a-z]", 40),
    ("crates.io token", "cio", _A, 32),
    ("Docker token", "dckr_pat_", _W, 20),
    ("Docker token", "dckr_oat_", _W, 20),
    ("Artifactory key", "AKCp", _A, 60),
    ("Artifactory token", "cmVmdGtu", _A, 40),
    ("Terraform token", "atlasv1.", "[A-Za-z0-9=_-]", 40),
    ("1Password token", "ops_ey", "[A-Za-z0-9+/=_.-]", 40),
    ("1Password secret key", "A3-", "[A-Z0-9-]", 30),
    ("Tailscale key", "tskey-", "[A-Za-z0-9-]", 18),
    ("age key", "AGE-SECRET-KEY-1", "[A-Z0-9]", 50),
    ("Linear key", "lin_api_", _A, 30),
    ("Linear key", "lin_oauth_", _A, 30),
    ("Notion token", "ntn_", _A, 36),
    ("Notion token", "secret_", _A, 40),
    ("Figma token", "figd_", _W, 36),
    ("Figma token", "figu", "[A-Za-z0-9_-]", 36),
    ("Figma token", "figo", "[A-Za-z0-9_-]", 36),
    ("Airtable token", "pat", r"[A-Za-z0-9]{14}\.[0-9a-f]", 40),
    ("Typeform token", "tfp_", "[A-Za-z0-9_.=-]", 36),
    ("Asana token", "ya0_", _W, 30),
    ("Atlassian token", "ATATT3", "[A-Za-z0-9_=-]", 60),
    ("Atlassian token", "ATCTT3", "[A-Za-z0-9_=-]", 60),
    ("Atlassian token", "ATBB", "[A-Za-z0-9_=-]", 28),
    ("Postman key", "PMAK-", "[0-9a-f-]", 50),
    ("Shippo token", "shippo_", "[0-9a-z_]", 40),
    ("Shopify token", "shpat_", _A, 30),
    ("Shopify token", "shpca_", _A, 30),
    ("Shopify token", "shppa_", _A, 30),
    ("Shopify secret", "shpss_", _A, 30),
    ("EasyPost key", "EZAK", _A, 50),
    ("EasyPost key", "EZTK", _A, 50),
    ("Duffel token", "duffel_", "[A-Za-z0-9_=-]", 40),
    ("SendGrid key", "SG.", "[A-Za-z0-9_.-]", 50),
    ("Mailgun key", "key-", _H, 30),
    ("Mailchimp key", "md-", _W, 20),
    ("Brevo key", "xkeysib-", "[0-9a-zA-Z-]", 60),
    ("Brevo key", "xsmtpsib-", "[0-9a-zA-Z-]", 60),
    ("Resend key", "re_", "[A-Za-z0-9_]", 28),
    ("MailerSend key", "mlsn.", _A, 40),
    ("HubSpot token", "pat-na", "[0-9a-f-]", 30),
    ("HubSpot token", "pat-eu", "[0-9a-f-]", 30),
    ("Intercom token", "dG9r", _A, 50),
    ("Klaviyo key", "pk_", "[0-9a-z]", 34),
    ("Contentful token", "CFPAT-", _W, 36),
    ("Dropbox token", "sl.", _W, 60),
    ("LaunchDarkly key", "sdk-", "[0-9a-f-]", 34),
    ("LaunchDarkly key", "api-", "[0-9a-f-]", 34),
    ("LaunchDarkly key", "mob-", "[0-9a-f-]", 34),
    ("Discord token", "mfa.", _W, 60),
    ("Facebook token", "EAA", _A, 80),
    ("Instagram token", "IGQV", _W, 60),
    ("Telegram token", ":AA", _W, 32),
    ("Typesense key", "tsk_", _A, 24),
    ("Vercel token", "vcp_", _A, 24),
    ("Vercel token", "vck_", _A, 24),
    ("Netlify token", "nfp_", _A, 32),
    ("Render key", "rnd_", _A, 24),
    ("Railway token", "rw_", _W, 40),
    ("Scaleway key", "SCW", "[A-Z0-9]", 17),
    ("Octopus key", "API-", "[A-Z0-9]", 24),
    ("Buildkite token", "bkua_", _H, 36),
    ("CircleCI token", "CCIPAT_", "[A-Za-z0-9_]", 40),
    ("TeamCity token", "eyJ0eXAiOiAiVENWMiJ9.", "[A-Za-z0-9_.-]", 30),
    ("Infracost key", "ico-", _A, 30),
    ("Endor key", "endr+", _A, 14),
    ("StackHawk key", "hawk.", "[A-Za-z0-9_.-]", 36),
    ("ReadMe key", "rdme_", "[a-z0-9]", 60),
    ("Frame.io token", "fio-u-", "[A-Za-z0-9_=-]", 50),
    ("Lob key", "live_", _H, 32),
    ("Lob key", "test_", _H, 32),
    ("Plaid token", "access-production-", "[0-9a-f-]", 30),
    ("Plaid token", "access-sandbox-", "[0-9a-f-]", 30),
    ("Adafruit key", "aio_", _A, 26),
    ("Mapbox token", "sk.eyJ", "[A-Za-z0-9_.-]", 40),
    ("Okta token", "SSWS ", _W, 38),
    ("Snowflake token", "ver:1-hint:", r"[A-Za-z0-9:+/=_-]", 30),
    ("Travis token", "travis_", _W, 20),
    ("Zapier key", "zpka_", _A, 30),
    ("Elastic key", "essu_", "[A-Za-z0-9+/=_-]", 40),
    ("Polar token", "polar_", "[A-Za-z0-9_]", 30),
    ("Clerk key", "ak_", _A, 30),
    ("WorkOS key", "sk_live_a2V5", _A, 30),
    ("ConfigCat key", "configcat-sdk-1/", "[A-Za-z0-9/_-]", 40),
    ("Samsara token", "samsara_api_", _A, 30),
    ("Apify token", "apify_api_", _A, 30),
    ("Browserless key", "bb_live_", _W, 24),
    ("Weights & Biases key", "wandb_v1_", "[A-Za-z0-9_]", 40),
    ("Deepgram key", "dg.", "[A-Za-z0-9._-]", 40),
    ("PrivateBin key", "secret-token:", "[A-Za-z0-9%_.~-]", 16),
    ("password hash", "$2", r"[aby]?\$[0-9]{2}\$[./A-Za-z0-9]", 50),
    ("password hash", "$6$", r"[./A-Za-z0-9$=]", 60),
    ("password hash", "$5$", r"[./A-Za-z0-9$=]", 45),
    ("password hash", "$y$", r"[./A-Za-z0-9$=]", 45),
    ("password hash", "$argon2", r"[./A-Za-z0-9$=,+-]", 50),
    ("password hash", "pbkdf2_sha256$", r"[./A-Za-z0-9$=,+-]", 40),
    ("password hash", "$pbkdf2", r"[./A-Za-z0-9$=,+-]", 40),
)

# Where a pattern begins with one of a few characters, what must not stand before it is asked behind that character:
# so the search skips to it.
_PATTERNS = (
    ("AWS key id", "A", r"A(?<![A-Za-z0-9/+]A)(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}(?![A-Za-z0-9/+=])"),
    (
        "JSON web token",
        "eyJ",
        r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,4096}+\.[A-Za-z0-9_-]{8,8192}+(?:\.[A-Za-z0-9_-]{0,4096}+)?",
    ),
    (
        "encrypted web token",
        "eyJ",
        r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,4096}+\.[A-Za-z0-9_-]{0,4096}+\.[A-Za-z0-9_-]{8,4096}+\.",
    ),
    (
        "private key",
        "PRIVATE KEY",
        r"-----BEGIN[ A-Z0-9]{0,40} PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]|[\"'+,\\|>#*/-]){0,80}[A-Za-z0-9+/=:]{16}",
    ),
    ("private key", "Lines: ", r"Private-Lines: [0-9]{1,4}\s{1,4}[A-Za-z0-9+/=]{20}"),
    ("private key", '"d"', r"\"d\"\s{0,4}:\s{0,4}\"[A-Za-z0-9_-]{40,1000}\""),
    (
        "private key in base64",
        "LS0tLS1CRUdJTi",
        r"LS0tLS1CRUdJTi[A-Za-z0-9+/]{0,60}(?:UFJJVkFUR|BSSVZBVE|QUklWQVRF)[A-Za-z0-9+/]{16}",
    ),
    (
        "Slack webhook",
        "hooks.slack.com",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_]{20,200}",
    ),
    (
        "Discord webhook",
        "/api/webhooks/",
        r"discord(?:app)?\.com/api(?:/v[0-9]{1,2})?/webhooks/[0-9]{15,22}/[A-Za-z0-9_-]{40,100}",
    ),
    ("Teams webhook", "webhook.office.com", r"webhook\.office\.com/webhookb2/[A-Za-z0-9@/-]{60,300}"),
    ("Teams webhook", "sig=", r"logic\.azure\.com(?::443)?/workflows/[^\s\"']{20,300}sig=[A-Za-z0-9_%-]{20}"),
    (
        "Google Chat webhook",
        "chat.googleapis.com",
        r"chat\.googleapis\.com/v1/spaces/[^\s\"']{4,80}/messages\?key=[^\s\"'\x00]{20,300}",
    ),
    (
        "Discord token",
        ".",
        r"[MNO](?<![\w-][MNO])[A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}(?![\w-])",
    ),
    ("Telegram token", ":A", r"[0-9](?<![0-9]{2})[0-9]{7,10}:A[A-Za-z0-9_-]{33,36}(?![\w-])"),
    ("Twilio key", "SK", r"S(?<![A-Za-z0-9]S)K[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("Twilio account", "AC", r"A(?<![A-Za-z0-9]A)C[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("Mailchimp key", "-us", r"(?<![A-Za-z0-9])[0-9a-f]{32}-us[0-9]{1,2}(?![0-9a-z])"),
    ("Azure storage key", "==", r"(?<![A-Za-z0-9+/-])[A-Za-z0-9+/]{86}==(?![A-Za-z0-9+/=])"),
    (
        "Azure AD secret",
        "Q~",
        r"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~.-])",
    ),
    ("Okta token", "00", r"0(?<![\w-]0)0[A-Za-z0-9][A-Za-z0-9_-]{39}(?![\w-])"),
    (
        "Sentry DSN",
        "sentry",
        r"://[0-9a-f]{32}(?::[0-9a-f]{32})?@[A-Za-z0-9.-]{0,80}sentry[A-Za-z0-9.-]{0,40}/",
    ),
    ("FCM server key", ":APA91b", r"(?<![\w-])AAAA[A-Za-z0-9_-]{7}:APA91b[A-Za-z0-9_-]{100,200}"),
    ("Facebook token", "|", r"[0-9](?<![0-9A-Za-z][0-9])[0-9]{12,16}\|[A-Za-z0-9_-]{24,40}(?![\w-])"),
    ("Salesforce session", "!", r"0(?<![A-Za-z0-9]0)0D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{80,200}"),
    ("Heroku key", "HEROKU", r"(?i)heroku[\w .:=\"'>-]{0,30}[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"),
    ("Vault token", "s.", r"[sb](?<![\w.-][sb])\.[A-Za-z0-9]{24}(?![\w.-])"),
    ("Twitter bearer token", "AAAAAAAAAA", r"(?<![A-Za-z0-9])A{20,30}[A-Za-z0-9%]{60,160}"),
    ("Cloudflare origin key", "v1.0-", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{140,160}"),
    ("session cookie", "_gitlab_session=", r"_gitlab_session=[0-9a-z]{20,64}"),
    ("session cookie", "s%3A", r"s%3A[A-Za-z0-9_-]{24,80}"),
)


def _prefixed(kind: str, prefix: str, kinds: str, least: int) -> Format:
    pattern = rf"(?<![A-Za-z0-9_]){re.escape(prefix)}{kinds}{{{least},512}}"
    if not prefix[0].isalnum():
        pattern = rf"{re.escape(prefix)}{kinds}{{{least},512}}"
    return Format(kind, prefix, re.compile(pattern), prefixed=True)


FORMATS: tuple[Format, ...] = (
    *(_prefixed(*row) for row in _PREFIXED),
    *(Format(kind, hint, re.compile(pattern)) for kind, hint, pattern in _PATTERNS),
)
"""All rows, compiled when the module loads."""

# What is shorter stands in nearly every text; `in` finds that out sooner.
_SHORTEST_HINT = 3
_HINTS = Vocabulary(form.hint for form in FORMATS if len(form.hint) >= _SHORTEST_HINT)
_BY_HINT: dict[str, list[int]] = {}
for _number, _form in enumerate(FORMATS):
    _BY_HINT.setdefault(_form.hint, []).append(_number)
_SHORT_HINTS = [hint for hint in _BY_HINT if len(hint) < _SHORTEST_HINT]


def formatted(text: str) -> Iterator[tuple[Format, re.Match[str]]]:
    """Everything in a text that has one of the formats."""
    places = _HINTS.places(text)
    present = [*places, *(hint for hint in _SHORT_HINTS if hint in text)]
    for number in sorted(number for hint in present for number in _BY_HINT[hint]):
        form = FORMATS[number]
        if form.prefixed and form.hint in places:
            for start in places[form.hint]:
                if (found := form.pattern.match(text, start)) is not None:
                    yield form, found
        else:
            for found in form.pattern.finditer(text):
                yield form, found
