#!/usr/bin/env node
// Plain JavaScript that an old Node can still read, so that it can say what is missing.
const needed = 22;
const major = Number(process.versions.node.split('.')[0]);
if (major < needed) {
  process.stderr.write(
    `muster: Node.js ${process.versions.node} is too old: run it through npm (npm start brings Node.js ${needed}), or install Node.js ${needed} or newer\n`,
  );
  process.exit(1);
}
try {
  await import('../dist/main.js');
} catch (error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND' || !String(error.message).includes('dist/main.js')) throw error;
  process.stderr.write('muster: not built yet: run npm run build\n');
  process.exit(1);
}
