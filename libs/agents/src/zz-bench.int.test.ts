import { createTestDatabase } from '@muster/db/test-database.postgres';
import { silentLog } from '@muster/platform/log';
import { randomUUID } from 'node:crypto';
import { test } from 'vitest';
import type { AgentId } from './agent-id.ts';
import { readFileSync } from 'node:fs';
import { redactEffectiveConfig } from './effective-config-redaction.ts';
import { foldReports } from './report-folding.ts';
import { ReportStore } from './report-store.postgres.ts';
import { testReport } from './test-report.setup.ts';
test('bench', async () => {
  const src = readFileSync(new URL('./credential-shapes.test.ts', import.meta.url), 'utf8');
  const c = src.slice(src.indexOf('const collector = `') + 19, src.indexOf("`;\n\ntest('a configuration with")).replaceAll('\\$', '$');
  const database = await createTestDatabase();
  const usage = async () => process.cpuUsage();
  for (let round = 0; round < 3; round++) {
    const reports = Array.from({ length: 5000 }, (_, i) => testReport(randomUUID() as AgentId, { say: { capabilities: 0x1803, effectiveConfig: { configMap: { configMap: { '': { body: Buffer.from((c.repeat(2) + '#').slice(0, 2030) + `# ${round} ${i}`) } } } } } }));
    const store = new ReportStore(database.db, silentLog);
    const folded = foldReports([{ gateway: 'g', reports }]).agents;
    const w0 = performance.now(); const c0 = await usage();
    await store.write(folded);
    const c1 = process.cpuUsage(c0);
    const wall = performance.now() - w0;
    const r0 = performance.now();
    for (const a of folded) redactEffectiveConfig(a.effectiveConfig!.value.body!);
    const r = performance.now() - r0;
    console.log(`write wall ${(wall / 5).toFixed(1)} us/agent, own cpu ${((c1.user + c1.system) / 5000).toFixed(1)} us/agent; redaction ${(r / 5).toFixed(1)} us/agent`);
  }
  await database.drop();
}, 60000);
