import type { FakeAgent } from '@muster/opamp/fake-agent';
import { freePort } from '@muster/platform/local-server';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromium, realCollector } from './harness/binaries.ts';
import { launchBrowser, signIn } from './harness/browser.ts';
import { refusedByCollectors, servesOtlp, servingOtlp } from './harness/collector-config.ts';
import { showOnFailure } from './harness/failure.ts';
import { startFakeAgents, uidOf } from './harness/fleet.ts';
import { modes, Muster } from './harness/muster.ts';
import { Supervisor } from './harness/supervisor.ts';

const enrolledWithinMs = 3_000;
/** What a supervisor takes to believe in a configuration, 5 s, and then some. */
const appliedWithin = { timeout: 20_000 };

/** Muster looks every 30 s, at agents that have had their configuration for a while. */
const driftFoundWithin = { timeout: 90_000 };
const leaked = 'extensions: {basicauth/x: {client_auth: {username: me, password: hunter2hunter2}}}\n';

const canRun = realCollector.found && chromium.found;

describe.skipIf(!canRun).each(modes)("a newcomer's tour of the web UI, %s", (mode) => {
  let muster: Muster;
  let browser: Browser;
  let page: Page;
  let supervisor: Supervisor;
  let otlpPort: number;
  const consoleErrors: string[] = [];

  showOnFailure(() => ({ muster: muster?.output, supervisor: supervisor?.logs }));
  beforeAll(async () => {
    muster = await Muster.start({ mode });
    browser = await launchBrowser();
    page = await signIn(browser, muster, '/agents');
    page.on('console', (message) => message.type() === 'error' && consoleErrors.push(message.text()));
    page.on('pageerror', (error) => consoleErrors.push(error.message));
    otlpPort = await freePort();
  });
  afterAll(async () => {
    await browser?.close();
    await supervisor?.dispose();
    await muster?.dispose();
  });

  function goTo(section: string): Promise<void> {
    return page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: section }).click();
  }

  test('the printed supervisor.yaml enrols a collector: it is in the list within 3 s, without a reload', async () => {
    await page.getByText('No agents yet').waitFor();
    await page.evaluate('window.sameDocument = true');

    supervisor = await Supervisor.start(muster.supervisorYaml);
    const deadline = performance.now() + enrolledWithinMs;
    const row = page.getByRole('row').filter({ hasText: 'otelcol' });
    await row.getByText('connected', { exact: true }).waitFor({ timeout: enrolledWithinMs });
    await row.getByText('healthy', { exact: true }).waitFor({ timeout: deadline - performance.now() });

    const uid = await supervisor.uid();
    await expect
      .poll(() => muster.rest.agent(uid), { timeout: Math.max(deadline - performance.now(), 1) })
      .toMatchObject({
        status: 'connected',
        healthy: true,
        type: 'otelcol',
        version: '0.149.0',
        os: 'linux',
        arch: expect.stringMatching(/^(amd64|arm64)$/),
        hostname: expect.stringMatching(/./),
        transport: 'websocket',
        capabilities: expect.arrayContaining([
          'AcceptsRemoteConfig',
          'AcceptsRestartCommand',
          'ReportsAvailableComponents',
          'ReportsEffectiveConfig',
          'ReportsHealth',
          'ReportsHeartbeat',
          'ReportsRemoteConfig',
        ]),
        health: { healthy: true, components: { extensions: { healthy: true } } },
        effectiveConfig: { '': expect.stringContaining('extensions') },
        components: { components: { receivers: expect.anything(), exporters: expect.anything() } },
      });
    expect(await page.evaluate('window.sameDocument')).toBe(true);
  });

  test('its page shows all that it said', async () => {
    await page.getByRole('row').filter({ hasText: 'otelcol' }).getByRole('link').first().click();

    const panel = (name: string) => page.getByRole('region', { name, exact: true });
    await panel('Effective configuration').getByText('opamp').first().waitFor();
    await panel('Health').getByText('extensions').first().waitFor();
    await panel('Available components').getByText('receivers').first().waitFor();
    await panel('Capabilities').getByText('AcceptsRemoteConfig').waitFor();
    await page.getByText('0.149.0').first().waitFor();
    await page.getByText(/linux/).first().waitFor();
  });

  test('a configuration, a fleet and a rollout made on the UI reach the collector', async () => {
    await goTo('Configurations');
    await page.getByRole('link', { name: 'New configuration' }).click();
    await page.getByLabel('Name', { exact: true }).fill('edge');
    await page.getByLabel('Configuration (YAML)', { exact: true }).fill(servingOtlp(otlpPort));
    await page.getByText('No problems found').waitFor();
    await page.getByRole('button', { name: 'Create configuration' }).click();
    await page.getByRole('heading', { name: 'edge' }).waitFor();

    await goTo('Fleets');
    await page.getByRole('link', { name: 'New fleet' }).click();
    await page.getByLabel('Name', { exact: true }).fill('everything');
    await page.getByLabel('Selector', { exact: true }).fill('service.name=otelcol');
    await page.getByRole('button', { name: 'Create fleet' }).click();
    await page.getByRole('heading', { name: 'everything' }).waitFor();

    await goTo('Rollouts');
    await page.getByRole('link', { name: 'New rollout' }).click();
    await page.getByLabel('Fleet', { exact: true }).selectOption('everything');
    await page.getByLabel('Configuration', { exact: true }).selectOption('edge');
    await page.getByLabel('Soak time (seconds)').fill('0');
    await page.getByRole('button', { name: 'Start rollout' }).click();

    await page.getByRole('heading', { name: 'edge v1 to everything' }).waitFor();

    await goTo('Agents');
    const row = page.getByRole('row').filter({ hasText: 'otelcol' });
    await row.getByText('applying', { exact: true }).waitFor(appliedWithin);
    await row.getByText('applied', { exact: true }).waitFor(appliedWithin);
    await row.getByText('edge v1').waitFor();
    await row.getByText('healthy', { exact: true }).waitFor();
    expect(await servesOtlp(otlpPort)).toBe(true);
    await goTo('Rollouts');
    await page.getByRole('row').filter({ hasText: 'everything' }).getByText('completed').waitFor();

    await goTo('Agents');
    await row.getByRole('link').first().click();
    await page
      .getByRole('region', { name: 'Effective configuration' })
      .getByText(`127.0.0.1:${otlpPort}`)
      .first()
      .waitFor();
  });

  test('a version that the collector refuses is shown as failed, with the reason', async () => {
    await goTo('Configurations');
    await page.getByRole('link', { name: 'edge', exact: true }).click();
    await page.getByRole('link', { name: 'New version' }).click();
    await page.getByLabel('Configuration (YAML)', { exact: true }).fill(refusedByCollectors);
    await page.getByRole('button', { name: 'Save new version' }).click();
    await page.getByRole('link', { name: 'Roll out v2' }).click();
    await page.getByLabel('Fleet', { exact: true }).selectOption('everything');
    await page.getByRole('button', { name: 'Start rollout' }).click();

    await page.getByText('paused').first().waitFor(appliedWithin);
    await page.getByRole('table', { name: 'Agents of this rollout' }).getByRole('link').click();
    await page
      .getByText(/while applying configuration/)
      .first()
      .waitFor();
    await page.getByText('failed', { exact: true }).first().waitFor();
    await page.getByText('edge v1').first().waitFor();
    expect(await servesOtlp(otlpPort)).toBe(true);
  });

  test('the quarantine of the version that failed is lifted', async () => {
    await goTo('Quarantines');
    const row = page.getByRole('row').filter({ hasText: 'edge v2' });
    await row.getByText(/while applying configuration/).waitFor();
    await row.getByRole('button', { name: /^Lift quarantine of/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Lift quarantine' }).click();
    await page.getByText('No agent is in quarantine here.').waitFor();
    await page.getByLabel('Show', { exact: true }).selectOption('lifted');
    await row.getByText('by session:admin').waitFor();
  });

  test('a template says which variable the fleet lacks; with it, a version with an overlay is saved', async () => {
    const template = servingOtlp(otlpPort, 'template').replace(`${otlpPort}`, '{{ variables.port }}');
    const body = page.getByLabel('Configuration (YAML)', { exact: true });
    const edgePage = async () => {
      await goTo('Configurations');
      await page.getByRole('link', { name: 'edge', exact: true }).click();
    };
    await edgePage();
    await page.getByRole('link', { name: 'New version' }).click();
    await body.fill(template);
    const problem = page.getByRole('listitem').filter({ hasText: 'undefined variable: variables.port' });
    await problem.getByText('Concerns 1 agent').waitFor();

    await goTo('Fleets');
    await page.getByRole('link', { name: 'everything', exact: true }).click();
    await page.getByRole('button', { name: 'Edit variables' }).click();
    await page.getByLabel('Variable name').fill('port');
    await page.getByLabel('Variable value').fill(String(otlpPort));
    await page.getByRole('button', { name: 'Save variables' }).click();
    await page
      .getByRole('table', { name: 'Variables' })
      .getByRole('row')
      .filter({ hasText: 'port' })
      .getByText('new')
      .waitFor();

    await edgePage();
    await page.getByRole('link', { name: 'New version' }).click();
    await body.fill(template);
    await page.getByRole('button', { name: 'Add overlay' }).click();
    await page.getByLabel('Selector of overlay 1').fill('service.name=otelcol');
    await page.getByLabel('Text of overlay 1 (YAML)').fill('service: {telemetry: {logs: {level: warn}}}\n');
    await page.getByText('No problems found').waitFor();
    await page.getByRole('button', { name: 'Save new version' }).click();
    await page.getByRole('region', { name: /Overlay 1: service\.name=otelcol → body \(added\)/ }).waitFor();
    await page.getByRole('link', { name: 'v3', exact: true }).click();
    await page.getByRole('region', { name: 'Overlay 1: service.name=otelcol → body' }).waitFor();
  });

  test('a rollout shows whom it would reach before it starts; the agent says why it has what it has', async () => {
    await page.getByRole('link', { name: 'Roll out v3' }).click();
    await page.getByLabel('Fleet', { exact: true }).selectOption('everything');
    await page.getByLabel('Soak time (seconds)').fill('0');
    const radius = page.getByRole('region', { name: 'What it would change' });
    await radius.getByText('1 of 1 agent').waitFor();
    await radius.getByText('level: warn').waitFor();
    await page.getByRole('button', { name: 'Start rollout' }).click();
    await page.getByText('completed', { exact: true }).first().waitFor(appliedWithin);
    await page.getByRole('list', { name: 'Decisions' }).getByText('Wave 1 started').waitFor();

    await page.getByRole('table', { name: 'Agents of this rollout' }).getByRole('link').click();
    const why = page.getByRole('region', { name: 'Why this configuration?' });
    await why.getByText('Only fleet "everything" matches the agent.').waitFor();
    await why.getByRole('listitem').filter({ hasText: 'Overlay 1' }).getByText('applied').waitFor();
    await why.getByRole('row').filter({ hasText: 'variables.port' }).getByText(String(otlpPort)).waitFor();
    await why.getByText('Rendered text').click();
    await why.getByText(`127.0.0.1:${otlpPort}`).waitFor();
    expect(await servesOtlp(otlpPort)).toBe(true);
  });

  test('an older version is restored, which changes nothing on the agent', async () => {
    await goTo('Configurations');
    await page.getByRole('link', { name: 'edge', exact: true }).click();
    await page.getByRole('row', { name: /^v1/ }).getByRole('link').click();
    await page.getByRole('button', { name: 'Restore v1' }).click();
    await page.getByRole('dialog').getByText('This changes nothing on any agent').waitFor();
    await page.getByRole('button', { name: 'Make v4 from v1' }).click();
    await page.getByRole('region', { name: /Overlay 1.*removed/ }).waitFor();

    const versions = await muster.rest.get<{ body: string }>('configurations/edge/versions/4');
    expect(versions.body).toBe(servingOtlp(otlpPort));
    expect(await muster.rest.agent(await supervisor.uid())).toMatchObject({
      configuration: { current: { name: 'edge', version: 3 }, pending: null },
    });
  });

  // The pages are the same in a cluster, and drift takes its time.
  if (mode === 'all-in-one') {
    test('drift and credentials are found and shown', async () => {
      const [agent] = (await startFakeAgents(muster, 1, {
        attributes: { 'service.name': 'otelcol', 'service.version': '0.149.0' },
      })) as [FakeAgent];
      await agent.waitUntil(() => agent.offers.length > 0, appliedWithin.timeout);
      const told = agent.offers[0]?.files[''] ?? '';
      await reportEffective(agent, told.replace('level: warn', 'level: debug') + leaked);

      await page.goto(`/agents/${uidOf(agent)}`);
      const effective = page.getByRole('region', { name: 'Effective configuration' });
      await effective.getByRole('list', { name: 'Credentials' }).getByText('password').waitFor();
      await effective.getByText('[REDACTED:password]').waitFor();
      expect(await page.content()).not.toContain('hunter2');

      await page.getByRole('heading', { name: 'Drift' }).waitFor(driftFoundWithin);
      await page.getByText('service.telemetry.logs.level').waitFor();
      await goTo('Drift');
      await page
        .getByRole('row')
        .filter({ hasText: 'runs something else' })
        .getByText(/tried once/)
        .waitFor();
      await goTo('Overview');
      await page.getByRole('link', { name: 'Drifted: 1' }).waitFor();
      await page.getByRole('link', { name: 'Credentials: 1' }).click();
      await page.getByText('1 agent', { exact: true }).waitFor();
      await agent.stop();
    });
  }

  test('none of it wrote an error to the console of the browser', () => {
    expect(consoleErrors).toEqual([]);
  });
});

/** Says that the agent runs this text, whatever it was offered. */
async function reportEffective(agent: FakeAgent, text: string): Promise<void> {
  await agent.report({ effectiveConfig: { configMap: { configMap: { '': { body: Buffer.from(text) } } } } });
}
