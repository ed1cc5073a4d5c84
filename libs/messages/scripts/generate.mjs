// Generates src/generated/ from proto/muster. Run by `npm run gen`; `npm run gen:check` fails when
// the committed files are stale, so the output depends on nothing but the .proto files.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pbjs from 'protobufjs-cli/pbjs.js';

const proto = new URL('../../../proto', import.meta.url).pathname;
const generated = new URL('../src/generated/', import.meta.url);
const entry = 'muster/v1/bus.proto';

const target = ['--target', 'static-module', '--wrap', 'esm', '--es6', '--root', 'muster', '--path', proto];
// Only encode and decode are used.
const without = ['create', 'verify', 'convert', 'delimited', 'typeurl', 'service'].map(
  (part) => `--no-${part}`,
);
const run = promisify(pbjs.main);

const scratch = await mkdtemp(join(tmpdir(), 'muster-gen-'));
try {
  // The declarations are made from the comments, which the code can do without: two runs.
  await run([...target, ...without, '--dts', '--out', join(scratch, 'documented.js'), entry]);
  await run([...target, ...without, '--no-comments', '--out', join(scratch, 'bus.js'), entry]);
  await save('bus.js', await readFile(join(scratch, 'bus.js'), 'utf8'));
  await save('bus.d.ts', await readFile(join(scratch, 'documented.d.ts'), 'utf8'));
} finally {
  await rm(scratch, { recursive: true });
}

async function save(name, text) {
  const header = `// Generated from proto/${entry} by libs/messages/scripts/generate.mjs. Do not edit.\n`;
  await writeFile(new URL(name, generated), header + text);
}
