import { test, expect, vi } from 'vitest';
import { killAll } from './harness/child.ts';
import { fakeAgent, startFakeAgents, uidOf } from './harness/fleet.ts';
import { Muster } from './harness/muster.ts';
import { connectDatabase } from './harness/database.ts';
import { connect } from '@nats-io/transport-node';
import { readFileSync } from 'node:fs';
test('x', async () => {
  const muster = await Muster.start({ mode: 'cluster', env: { MUSTER_LOG_LEVEL: 'debug' } });
  const servers = /listen: "(.+)"/.exec(readFileSync(muster.dataDir + '/cluster/nats/nats.conf', 'utf8'))![1]!;
  const nc = await connect({ servers }); 
  const info = async (label: string) => {
    for (const sub of ['$JS.API.STREAM.LIST']) {
      const r = JSON.parse((await nc.request(sub, '')).string());
      for (const s of r.streams) {
        const c = JSON.parse((await nc.request('$JS.API.CONSUMER.LIST.' + s.config.name, '')).string());
        console.log(label, s.config.name, JSON.stringify(s.state), c.consumers.map((x: any) => x.name + ' pend=' + x.num_pending + ' ackp=' + x.num_ack_pending + ' redel=' + x.num_redelivered + ' wait=' + x.num_waiting + ' ' + JSON.stringify(x.delivered) + JSON.stringify(x.ack_floor)).join(' | '));
      }
    }
  };
    const attributes = { role: 'talking' };
    const agents = await startFakeAgents(muster, 3, { attributes });
    await new Promise(r => setTimeout(r, 1500));
    await info('before');
    killAll(muster.processes('inventory'));
    await Promise.all(agents.map((agent) => agent.report({ health: { healthy: false, status: 'StatusError' } })));
    await info('after');
    await new Promise(r => setTimeout(r, 200));
    await info('after200');
    await new Promise(r => setTimeout(r, 6000));
    await info('6s');
    const db = await connectDatabase(muster);
    console.log((await db.query('select uid, epoch, sequence_num, health, health_order, connection_order, connected from agent_states')).rows);
    await new Promise(r => setTimeout(r, 25000));
    await info('30s');
    console.log((await db.query('select uid, epoch, sequence_num, health, health_order, connection_order, connected from agent_states')).rows);
    await db.end();
  console.log(muster.output.split('\n').filter(l => /^{/.test(l)).slice(-60).join('\n'));
  await muster.dispose();
}, 200000);
