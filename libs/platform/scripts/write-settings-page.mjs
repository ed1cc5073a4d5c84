// Writes docs/settings.md from the settings themselves.
import { writeFile } from 'node:fs/promises';
import { describeSettings } from '../src/settings.ts';

const rows = describeSettings().map(
  ({ name, fallback, meaning }) =>
    `| \`${name}\` | ${fallback === '' ? '' : fallback === 'required' ? 'required' : `\`${fallback}\``} | ${meaning} |`,
);
const page = `# Settings

Environment variables, read once at start. A value that cannot be used stops the start with a line that names it.
Processes take the ones they need and ignore the others. A \`MUSTER_…\` variable that is none of these stops the start
too, but for those that Kubernetes makes for services called \`muster-…\`. Generated from \`libs/platform/src/settings.ts\` by
\`npm run gen\`.

| variable | default | meaning |
|---|---|---|
${rows.join('\n')}
`;
await writeFile(new URL('../../../docs/settings.md', import.meta.url), page);
