// Generates src/generated/ from proto/opamp. Run by `npm run gen`; `npm run gen:check` fails when
// the committed files are stale, so the output depends on nothing but the .proto files.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pbjs from 'protobufjs-cli/pbjs.js';

const proto = new URL('../../../proto', import.meta.url).pathname;
const generated = new URL('../src/generated/', import.meta.url);
const entry = 'opamp/v1/opamp.proto';

// Long keeps 64-bit fields exact; only encode and decode are used.
const options = `--target static-module --wrap esm --es6 --root opamp --no-create --no-verify --no-convert
  --no-delimited --no-typeurl --no-service`
  .split(/\s+/)
  .concat('--path', proto);
const run = promisify(pbjs.main);

const scratch = await mkdtemp(join(tmpdir(), 'muster-gen-'));
try {
  // The declarations are made from the comments, which the code can do without: two runs.
  await run([...options, '--dts', '--out', join(scratch, 'documented.js'), entry]);
  await run([...options, '--no-comments', '--out', join(scratch, 'opamp.js'), entry]);
  await save('opamp.js', await readFile(join(scratch, 'opamp.js'), 'utf8'));
  await save('opamp.d.ts', await readFile(join(scratch, 'documented.d.ts'), 'utf8'));
} finally {
  await rm(scratch, { recursive: true });
}

async function save(name, text) {
  const header = `// Generated from proto/${entry} by libs/opamp/scripts/generate.mjs. Do not edit.\n`;
  await writeFile(new URL(name, generated), header + text);
}
