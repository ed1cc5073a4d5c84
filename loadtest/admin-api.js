// k6: the admin API under load. Run it against a server that holds a fleet:
//   MUSTER_URL=http://127.0.0.1:4321 MUSTER_KEY=… k6 run loadtest/admin-api.js
import { check } from 'k6';
import http from 'k6/http';

const base = __ENV.MUSTER_URL || 'http://127.0.0.1:4321';
const params = {
  headers: { Authorization: `Bearer ${__ENV.MUSTER_KEY}`, 'Content-Type': 'application/json' },
};
const seconds = __ENV.SECONDS || '20';
const readers = Number(__ENV.READERS || 8);
const p99 = Number(__ENV.P99_MS || 250);

export const options = {
  scenarios: {
    readers: { executor: 'constant-vus', vus: readers, duration: `${seconds}s` },
  },
  thresholds: {
    checks: ['rate==1'],
    'http_req_duration{call:page}': [`p(99)<${p99}`],
    'http_req_duration{call:selector}': [`p(99)<${p99}`],
    'http_req_duration{call:overview}': [`p(99)<${p99}`],
    'http_req_duration{call:graphql}': [`p(99)<${p99}`],
  },
};

function ok(response, name) {
  check(response, { [`${name} is 200`]: (r) => r.status === 200 });
  return response;
}

export default function adminApi() {
  const get = (path, call) => ok(http.get(`${base}/api/v1${path}`, { ...params, tags: { call } }), call);
  const first = get('/agents?limit=50', 'page').json();
  if (first.next) get(`/agents?limit=50&after=${encodeURIComponent(first.next)}`, 'page');
  get(`/agents?limit=50&selector=${encodeURIComponent('os.type=linux,env in (prod,dev)')}`, 'selector');
  get('/overview', 'overview');
  ok(
    http.post(
      `${base}/graphql`,
      JSON.stringify({
        query: '{ agents(limit: 50) { total items { uid name status configuration { status } } } }',
      }),
      { ...params, tags: { call: 'graphql' } },
    ),
    'graphql',
  );
}
