import { expect, test } from 'vitest';
import {
  findCredentials,
  findCredentialsInMessage,
  findCredentialsInValue,
  redact,
  redactMessage,
} from './credential-shapes.ts';

const letters = 'aB3dE5fG7hJ9kL1mN0pQ2rS4tU6vW8xYzAbCdEfGhIjKlMnOpQrStUvWxYz0123456789';
const hex = '0123456789abcdef0123456789abcdef';
const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGH';
const awsSecret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzKEY';
const jwt = `eyJ${letters.slice(0, 20)}.eyJ${letters.slice(0, 30)}.${letters.slice(0, 43)}`;
const pem = `-----BEGIN RSA PRIVATE KEY-----\nMIIEow${letters}\n-----END RSA PRIVATE KEY-----`;

/** What would be shown of a text. */
const shown = (text: string) => redact(text, findCredentials(text));

test.each([
  ['aws-access-key', 'AKIAIOSFODNN7EXAMPLE'],
  ['aws-access-key', 'ASIAIOSFODNN7EXAMPLE'],
  ['gcp-api-key', `AIza${letters.slice(0, 35)}`],
  ['gcp-oauth', `ya29.${letters.slice(0, 40)}`],
  ['github-token', `ghp_${letters.slice(0, 36)}`],
  ['github-token', `github_pat_${letters.slice(0, 60)}`],
  ['gitlab-token', `glpat-${letters.slice(0, 20)}`],
  ['slack-token', `xoxb-123456789012-${letters.slice(0, 24)}`],
  ['slack-token', `hooks.slack.com/services/T0123/B0123/${letters.slice(0, 24)}`],
  ['stripe-key', `sk_live_${letters.slice(0, 24)}`],
  ['npm-token', `npm_${letters.slice(0, 36)}`],
  ['new-relic-key', `NRAK-${upper.slice(0, 27)}`],
  ['new-relic-key', `${hex}0123NRAL`],
  ['honeycomb-key', `hcaik_01${letters.slice(0, 56)}`],
  ['grafana-token', `glc_${letters.slice(0, 60)}`],
  ['grafana-token', `glsa_${letters.slice(0, 32)}_0a1b2c3d`],
  ['dynatrace-token', `dt0c01.${upper.slice(0, 24)}.${upper.slice(0, 64)}`],
  ['sendgrid-key', `SG.${letters.slice(0, 22)}.${letters.slice(0, 43)}`],
  ['vault-token', `hvs.${letters.slice(0, 24)}`],
  ['muster-token', `mus_enroll_${letters.slice(0, 43)}`],
  ['jwt', jwt],
  ['private-key', pem],
])('knows a %s by its form, wherever it is', (kind, secret) => {
  for (const [before, after] of [
    ['', ''],
    ['x: ', '\n'],
    ['# note ', ' of it'],
    ['{"a":"', '"}'],
    ['[b, ', ']'],
    [' '.repeat(7), ' '.repeat(40)],
  ]) {
    expect(shown(`${before}${secret}${after}`)).toBe(`${before}[REDACTED:${kind}]${after}`);
  }
});

test.each([
  ['password: hunter2', 'password: [REDACTED:password]'],
  ['password: 123456', 'password: [REDACTED:password]'],
  ['  passwd:   "it\'s \\" mine"  # why', '  passwd:   "[REDACTED:password]"  # why'],
  ["passphrase: 'it''s mine'\n", "passphrase: '[REDACTED:password]'\n"],
  ['{user: me, password: hunter2, x: 1}', '{user: me, password: [REDACTED:password], x: 1}'],
  ['{"client_secret":"abc","id":1}', '{"client_secret":"[REDACTED:secret]","id":1}'],
  ['  "api-key" : "abc"\n', '  "api-key" : "[REDACTED:api-key]"\n'],
  ['clientSecret: abc\r\nx: 1', 'clientSecret: [REDACTED:secret]\r\nx: 1'],
  ['headers:\n  DD-API-KEY: abc\n  x: y', 'headers:\n  DD-API-KEY: [REDACTED:api-key]\n  x: y'],
  ['headers: {x-honeycomb-team: abc}', 'headers: {x-honeycomb-team: [REDACTED:api-key]}'],
  ['- name: X-Api-Key\n  value: abc', '- name: X-Api-Key\n  value: [REDACTED:api-key]'],
  ['{name: authorization, value: abc}', '{name: authorization, value: [REDACTED:authorization]}'],
  ['Authorization: Bearer abc', 'Authorization: Bearer [REDACTED:bearer-token]'],
  ['authorization: "Basic dTpw"', 'authorization: "Basic [REDACTED:basic-auth]"'],
  ['value: Basic dXNlcm5hbWU6cGFzc3dvcmQ=', 'value: Basic [REDACTED:basic-auth]'],
  ['value: Bearer 0a1b2c3d4e5f6a7b8c9d', 'value: Bearer [REDACTED:bearer-token]'],
  ['token: !!str abc', 'token: !!str [REDACTED:token]'],
  ['token: &t abc', 'token: &t [REDACTED:token]'],
  ['tokens: [abc, "def"]', 'tokens: [[REDACTED:token], "[REDACTED:token]"]'],
  ['tokens:\n  - abc\n  - def\nx: 1', 'tokens:\n  - [REDACTED:token]\n  - [REDACTED:token]\nx: 1'],
  ['a:\n  token: |\n    abc\n    def\n  b: 1', 'a:\n  token: |\n    [REDACTED:token]\n  b: 1'],
  ['a:\n  token:\n    abc\n  b: 1', 'a:\n  token:\n    [REDACTED:token]\n  b: 1'],
  ['a:\n  token: abc\n    def\n  b: 1', 'a:\n  token: [REDACTED:token]\n  b: 1'],
  ['token: ${env:TOKEN:-abc}', 'token: ${env:TOKEN:-[REDACTED:token]}'],
  ['htpasswd:\n  inline: |\n    me:abc\n', 'htpasswd:\n  inline: |\n    [REDACTED:password]\n'],
  ['url: https://me:abc@host:1/x', 'url: https://me:[REDACTED:url-password]@host:1/x'],
  ['url: redis://:p@ss@host', 'url: redis://:[REDACTED:url-password]@host'],
  ['dsn: "me:abc@tcp(host:3306)/db"', 'dsn: "me:[REDACTED:url-password]@tcp(host:3306)/db"'],
  [
    'datasource: "host=db user=me password=abc x=1"',
    'datasource: "host=db user=me password=[REDACTED:password] x=1"',
  ],
  ['x: "AccountName=a;AccountKey=abc==;y=1"', 'x: "AccountName=a;AccountKey=[REDACTED:api-key];y=1"'],
  ['x: https://a.net/c?sv=1&sig=abc%3D&se=2', 'x: https://a.net/c?sv=1&sig=[REDACTED:azure-sas]&se=2'],
  ['connection_string: InstrumentationKey=1;x', 'connection_string: [REDACTED:connection-string]'],
  ['sharedAccessSignature: abc', 'sharedAccessSignature: [REDACTED:azure-sas]'],
  [
    'GCP_CREDENTIAL: abc\ncredentials: xyz',
    'GCP_CREDENTIAL: [REDACTED:credentials]\ncredentials: [REDACTED:credentials]',
  ],
  [
    `id: AKIAIOSFODNN7EXAMPLE\nother: ${awsSecret}\n`,
    'id: [REDACTED:aws-access-key]\nother: [REDACTED:aws-secret-key]\n',
  ],
  [
    `private_key: |\n  ${pem.replaceAll('\n', '\n  ')}\nx: 1`,
    'private_key: |\n  [REDACTED:private-key]\nx: 1',
  ],
  [`datadog: {api: {key: ${hex}}}`, 'datadog: {api: {key: [REDACTED:api-key]}}'],
  [`api:\n  key: "${hex}"\n`, 'api:\n  key: "[REDACTED:api-key]"\n'],
  ['? password\n: abc\nx: 1', '? password\n: [REDACTED:password]\nx: 1'],
  ['a:\n  ? "password"\n  : abc\n', 'a:\n  ? "password"\n  : [REDACTED:password]\n'],
  ['x: &p abc\na: {password: *p}', 'x: &p [REDACTED:password]\na: {password: *p}'],
  ['x: [&p "abc"]\npassword: *p\ntoken: *p', 'x: [&p "[REDACTED:password]"]\npassword: *p\ntoken: *p'],
  [String.raw`"pass\u0077ord": abc`, String.raw`"pass\u0077ord": [REDACTED:password]`],
  [
    `x: "ghp_${letters.slice(0, 20)}\\\n  ${letters.slice(20, 36)}"\ny: 1`,
    'x: "[REDACTED:github-token]"\ny: 1',
  ],
  [
    String.raw`x: "{\"a\":1,\"password\":\"abc\",\"b\":1}"`,
    String.raw`x: "{\"a\":1,\"password\":\"[REDACTED:password]\",\"b\":1}"`,
  ],
  ['[db]\npassword = abc\n', '[db]\npassword = [REDACTED:password]\n'],
  ['db_password   = "a b"  # why\n', 'db_password   = "[REDACTED:password]"  # why\n'],
  ['args: ["--password", "abc", "x"]', 'args: ["--password", "[REDACTED:password]", "x"]'],
  ['args:\n  - --token\n  - abc\n', 'args:\n  - --token\n  - [REDACTED:token]\n'],
  ['command: run --password abc --x', 'command: run --password [REDACTED:password] --x'],
  ['db_pw: abc\nuserPass: abc', 'db_pw: [REDACTED:password]\nuserPass: [REDACTED:password]'],
  [
    'password: {{ variables.pw | default: "abc" }}',
    'password: {{ variables.pw | default: "[REDACTED:password]" }}',
  ],
  [
    'password: "{{ variables.pw | default: "abc" }}"',
    'password: "{{ variables.pw | default: "[REDACTED:password]" }}"',
  ],
  ['password: {{ "abc" }}', 'password: {{ "[REDACTED:password]" }}'],
  ['{% assign pw = "abc" %}a: {{ pw }}', '{% assign pw = "[REDACTED:password]" %}a: {{ pw }}'],
  ['{% capture token %} abc {% endcapture %}', '{% capture token %} [REDACTED:token] {% endcapture %}'],
  [
    'password: {% if a %}abc{% else %}${env:P}{% endif %}',
    'password: {% if a %}[REDACTED:password]{% else %}${env:P}{% endif %}',
  ],
  [
    '{password: {{ a | default: "abc" }}, user: {{ b | default: "c" }}}',
    '{password: {{ a | default: "[REDACTED:password]" }}, user: {{ b | default: "c" }}}',
  ],
])('finds the literal in %j', (text, expected) => {
  expect(shown(text)).toBe(expected);
});

test.each([
  'password: ${env:PASSWORD}',
  'password: "${env:PASSWORD}"',
  'password: ${file:/run/secrets/p}',
  'password: $PASSWORD',
  'password: {{ password }}',
  'password: "{{ password | default: x }}"',
  'password: {% if a %}{{ b }}{% endif %}',
  'password:',
  'password: ""',
  "password: ''",
  'password: null',
  'password: ~',
  'password: [REDACTED]',
  "password: '[REDACTED:password]'",
  'password: "****"',
  'password: <your password>',
  'password: *anchor',
  'password_file: /run/secrets/p',
  'token_url: https://login.example.com/oauth2/token',
  'token_type: bearer',
  'max_tokens: 4096',
  'token_ttl: 30s',
  'secret_name: mine',
  'include_credentials: true',
  'credentials: true',
  'access_key_id_header: x',
  'auth: {authenticator: basicauth/client}',
  'authorization: {type: Bearer, credentials: "${env:TOKEN}"}',
  'authorization:\n  type: Bearer\n  credentials_file: /run/token\n',
  'credentials:\n  - name: one\n    from: two\n',
  'headers: {Authorization: "Bearer ${env:TOKEN}"}',
  'headers: {Authorization: "Basic {{ basic }}"}',
  '- {key: deployment.environment, value: prod, action: upsert}',
  '- key: team\n  value: platform-team-number-one\n',
  'key_file: /etc/ssl/private/very-long-name-of-a-key-file.pem',
  'from_attribute: http.request.header.authorization',
  'endpoint: https://collector.example.com:4318/v1/traces',
  'url: https://${env:USER}:${env:PASSWORD}@host',
  'image: registry.example.com:5000/otel@sha256:0123456789abcdef0123456789abcdef',
  '-----BEGIN CERTIFICATE-----\nMIIB0123456789012345678901234567\n-----END CERTIFICATE-----',
  'include: [/var/log/pods/*/*/*.log]\nstart_at: beginning',
  '# Basic authentication, and Bearer authentication-of-clients are supported',
  'where: token == "x" or password != nil or secret =~ "y"',
  'statements: [set(attributes["token"], "x") where attributes["password"] != nil]',
  'replace_pattern(log.attributes["url.full"], "token=[^&]+", "token=REDACTED")',
  'replace_all_patterns(attributes, "value", "pwd=%{DATA:p}", "pwd=$$1")',
  'blocked_key_patterns: ["password", "token=.*"]',
  String.raw`regex: "(?i)password=\\S+"`,
  String.raw`regex: '"password":\s*"([^"]+)"'`,
  String.raw`regex: "\"password\": \"[^\"]+\""`,
  'url: http://host?token=xxxx&a=****',
  'text: token=***REDACTED***',
  'a: [{key: token, pattern: token}]\nkey: 0123',
  '# give it with --token on the command line',
  'args: [--password-file, /run/p, --token, "${env:T}"]',
  'x: &p ${env:P}\npassword: *p',
  'password: {{ variables["pw"] }}',
  'password: ${env:{{ labels.team | append: "_PW" }}}',
  'password: "{{ variables.pw | default: \'${env:PW}\' }}"',
  'password: {{ labels.a | replace: "x", "y" }}',
  '{password: {{ variables.pw }}, user: {{ labels.u | default: "me" }}}',
  'Authorization: {% if x %}Bearer {{ t }}{% endif %}',
  'compass: x\nbypass: y',
])('says nothing about %j', (text) => {
  expect(findCredentials(text)).toEqual([]);
});

const collector = `receivers:
  otlp:
    protocols:
      grpc: {endpoint: 0.0.0.0:4317, max_recv_msg_size_mib: 16}
      http: {endpoint: 0.0.0.0:4318}
  hostmetrics:
    collection_interval: 30s
    scrapers: {cpu: , memory: , disk: , filesystem: , network: , load: }
processors:
  memory_limiter: {check_interval: 1s, limit_percentage: 80, spike_limit_percentage: 25}
  attributes:
    actions:
      - {key: deployment.environment, value: prod, action: upsert}
      - key: token
        action: delete
extensions:
  oauth2client:
    client_id: collector
    client_secret: \${env:CLIENT_SECRET}
    token_url: https://login.example.com/oauth2/token
exporters:
  otlphttp:
    endpoint: https://collector.example.com:4318
    auth: {authenticator: oauth2client}
    headers:
      x-api-key: \${env:API_KEY}
    tls: {ca_file: /etc/ssl/ca.pem, cert_file: /etc/ssl/cert.pem, key_file: /etc/ssl/key.pem}
service:
  extensions: [oauth2client]
  telemetry: {metrics: {level: detailed}}
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter, attributes], exporters: [otlphttp]}
    metrics: {receivers: [otlp, hostmetrics], processors: [memory_limiter], exporters: [otlphttp]}
`;

test('a configuration with references is clean, and quickly so', () => {
  expect(findCredentials(collector)).toEqual([]);
  const text = Buffer.from(collector.repeat(2).slice(0, 2048)).toString('latin1');
  for (let i = 0; i < 5000; i++) findCredentials(text);
  const began = performance.now();
  for (let i = 0; i < 5000; i++) findCredentials(text);
  // 10 µs each when nothing else runs.
  expect((performance.now() - began) / 5000).toBeLessThan(0.05);
});

test.each([
  ['one long word', 'a'],
  ['token after token', 'token: '],
  ['references without end', 'token: ${'],
  ['in flow', '{token: ${,'],
  ['unclosed quotes', 'token: "\\'],
  ['keys over nothing', 'token:\n'],
  ['list items', 'tokens:\n - '],
  ['spaces', 'token: a          '],
  ['half a JWT', 'eyJaaaaaaaaaa.'],
  ['user infos', '://a:b@'],
  ['schemes', '://'],
  ['begins of keys', '-----BEGIN PRIVATE KEY-----x'],
  ['equals', 'password='],
  ['value after name', 'name: token\nvalue: '],
  ['escapes in escapes', String.raw`"\x22\x5c`],
  ['escaped documents', String.raw`"\"token\": \"x\", `],
  ['backslashes', '\\'],
  ['anchors of anchors', 'x: &a *a\n'],
  ['aliases', 'password: *p\n&p x '],
  ['explicit keys', '? password\n'],
  ['flags', '--token "'],
  ['settings', 'token      = '],
  ['assignments', '{% assign pw = "'],
  ['outputs', 'token: "{{'],
  ['outputs in flow', '{token: {{'],
])('time grows no faster than the text: %s', (_what, part) => {
  const text = part.repeat(Math.ceil(500_000 / part.length));
  const began = performance.now();
  findCredentials(text);
  expect(performance.now() - began).toBeLessThan(1500);
});

test.each([
  ['password', 'abc', '[REDACTED:password]'],
  ['pw', 'abc', '[REDACTED:password]'],
  ['db_pass', 'abc', '[REDACTED:password]'],
  ['api.token', 'abc', '[REDACTED:token]'],
  ['header', 'Bearer abcdefghijklmnop123', 'Bearer [REDACTED:bearer-token]'],
  ['url', 'https://me:abc@host', 'https://me:[REDACTED:url-password]@host'],
  ['any', `ghp_${letters.slice(0, 36)}`, '[REDACTED:github-token]'],
  ['command', 'otelcol --password abc', 'otelcol --password [REDACTED:password]'],
  ['password', '${env:PASSWORD}', '${env:PASSWORD}'],
  ['note', 'Basic authentication', 'Basic authentication'],
  ['gateway', 'gw-1:4317', 'gw-1:4317'],
])('the value of %s: %j', (name, value, expected) => {
  expect(redact(value, findCredentialsInValue(name, value))).toBe(expected);
});

test('in a message prose stays and what it quotes goes', () => {
  const prose =
    'yaml: line 3: found character that cannot start any token: try again; invalid secret: not found here';
  expect(redactMessage(prose)).toBe(prose);
  expect(
    redactMessage(`cannot parse "api_key: abc1"; url https://u:abc1@h, ghp_${letters.slice(0, 36)}`),
  ).toBe(
    'cannot parse "api_key: [REDACTED:api-key]"; url https://u:[REDACTED:url-password]@h, [REDACTED:github-token]',
  );
  expect(findCredentialsInMessage('')).toEqual([]);
});
