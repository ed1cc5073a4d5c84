import { startEmbeddedPostgres } from '@muster/db/embedded-postgres';
import { silentLog } from '@muster/platform/log';
import { openDatabase } from '@muster/db/pool.postgres';
import { migrateToLatest } from '@muster/db/migrate.postgres';
import { foldReports } from './report-folding.ts';
import { ReportStore } from './report-store.postgres.ts';
import { AgentToServer } from '@muster/opamp/opamp';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
const s = await startEmbeddedPostgres({ dataDir: '/tmp/c-bench', log: silentLog });
const db = openDatabase({ url: s.url, maxConnections: 4 });
await migrateToLatest(db);
const store = new ReportStore(db, silentLog);
const attr = (k: string, v: string) => ({ key: k, value: { stringValue: v } });
function msg(i: number) {
  return AgentToServer.encode({ capabilities: 0x7c07, agentDescription: { identifyingAttributes: [attr('service.name','otelcol'),attr('service.version','0.149.0'),attr('service.instance.id', 'i'+i)], nonIdentifyingAttributes: [attr('host.name','host-'+i),attr('os.type','linux'),attr('host.arch','amd64'),attr('env', i%2?'prod':'test')]},
   health: { healthy: true, startTimeUnixNano: 1790000000000000000 as never, status: 'StatusOK', componentHealthMap: Object.fromEntries(Array.from({length:8},(_, c)=>['pipeline:'+c,{healthy:true,status:'StatusOK'}])) },
   effectiveConfig: { configMap: { configMap: { '': { body: Buffer.from('receivers:\n'.repeat(100)+i) } } } }, remoteConfigStatus: { status: 0 } }).finish();
}
let ep=1; let w2=0;
const pgcpu = () => { let t=0; return t; };
const msgs = Array.from({length:10000},(_, i)=>msg(i));
for (const round of ['new','existing','again','3','4','5']) {
  const t = process.cpuUsage(); const w = Date.now(); let f=0;
  for (let b = 0; b < 10; b++) {
    const reports = Array.from({ length: 1000 }, (_, k) => { const i=b*1000+k; const uid = Buffer.alloc(16); uid.writeUInt32BE(Math.imul(i,2654435761)>>>0, 0); uid.writeUInt32BE(i,4); return { instanceUid: uid, epoch: ++ep, sequenceNum: 1, receivedAt: Date.now(), agentToServer: msgs[i]!, connected: true, disconnected: false, transport: 'websocket' as const, remoteAddress: '127.0.0.1:1', enrollmentTokenId: '', offeredConfigHash: Buffer.alloc(0), offerError: '' }; });
    const f0 = performance.now(); const { agents } = foldReports([{ gateway: 'g', reports }]); f += performance.now()-f0;
    const x=process.cpuUsage(); await store.write(agents); const y=process.cpuUsage(x); w2+=(y.user+y.system);
  }
  const c = process.cpuUsage(t);
  console.log(round, 'wall us/agent', (Date.now()-w)/10, 'node cpu us/agent', (c.user+c.system)/10000, 'fold', f/10, 'write node cpu', w2/10000); w2=0;
}
await db.destroy(); await s.stop();
