import { test, expect, vi } from 'vitest';
import { killAll } from './harness/child.ts';
import { fakeAgent, startFakeAgents, uidOf } from './harness/fleet.ts';
import { Muster } from './harness/muster.ts';
import { connectDatabase } from './harness/database.ts';
test('x', async () => {
  const muster = await Muster.start({ mode: 'cluster', env: { MUSTER_LOG_LEVEL: 'debug' } });
  for (let round = 0; round < 4; round++) {
    const attributes = { role: 'talking' + round };
    const agents = await startFakeAgents(muster, 30, { attributes });
    await new Promise(r => setTimeout(r, 1500));
    killAll(muster.processes('inventory'));
    await Promise.all(agents.map((agent) => agent.report({ health: { healthy: false, status: 'StatusError' } })));
    let retries = 0;
    const newcomers = await Promise.all(agents.map((_, index) => fakeAgent(muster, index, { attributes })).map(async (agent) => {
      await vi.waitFor(async () => { try { await agent.start(); } catch (e) { retries++; console.log(uidOf(agent), String(e)); throw e; } }, { timeout: 20000, interval: 100 });
      return agent;
    }));
    await new Promise(r => setTimeout(r, 6000));
    const all = await muster.rest.agents(`limit=500&selector=role=talking${round}`);
    const con = all.filter(a => a.status === 'connected');
    console.log('round', round, all.length, con.length, 'retries', retries, 'sick', all.filter(a=>a.healthy===false).length);
    const missing = [...agents.map(a => ['old', a] as const), ...newcomers.map(a => ['new', a] as const)].filter(([, a]) => !con.some(x => x.uid === uidOf(a)));
    const db = await connectDatabase(muster);
    for (const [k, a] of missing) {
      console.log(k, uidOf(a), a.sequenceNum, a.fullStateAsked, a.received.length, all.find(x => x.uid === uidOf(a)));
      console.log((await db.query('select * from agent_states where uid=$1', [uidOf(a)])).rows);
    }
    await db.end();
  }
  console.log(muster.output.split('\n').filter(l => /inventory/.test(l)).slice(-60).join('\n'));
  await muster.dispose();
}, 200000);
