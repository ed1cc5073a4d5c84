import 'reflect-metadata';
import fastifyStatic from '@fastify/static';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { GraphQLSchema } from 'graphql/index.js';
import mercurius, { type MercuriusOptions } from 'mercurius';
import { randomUUID } from 'node:crypto';
import { CannotListen } from '@muster/platform/listening';
import type { Running } from '@muster/platform/running';
import { observeNumbers } from '@muster/platform/telemetry';
import { ApiModule } from './api.module.ts';
import { graphqlHooks, graphqlOptions } from './graphql/graphql-options.ts';
import { serveGraphqlSockets } from './graphql/graphql-socket.ts';
import { graphqlSchema } from './graphql/schema.ts';
import { compressAnswers } from './http/compression.ts';
import { UnknownRoute } from './http/errors.ts';
import { guard } from './http/guard.ts';
import { parseJsonBodies } from './http/json-body.ts';
import { malformedAddress } from './http/problem.ts';
import { ProblemFilter, sendProblem } from './http/problem-filter.ts';
import { leaveBodyUnread } from './http/unread-body.ts';
import { cacheControl, holdsWebUi, serveStartPage } from './http/web-ui.ts';
import { Live } from './live/live.ts';
import type { ApiSettings } from './settings.ts';
import { wireApi, type ApiPorts, type ApiServices } from './wire.ts';

export interface ApiDeps extends ApiPorts {
  settings: ApiSettings;
  /** How often the credentials of open WebSockets are judged anew; milliseconds, three seconds by default. */
  recheckMs?: number;
}

/**
 * Serves REST, GraphQL with subscriptions, the OpenAPI document and the web UI.
 *
 * @throws CannotListen
 */
export async function startApi(deps: ApiDeps): Promise<Running & { url: string }> {
  const { settings, bus, log } = deps;
  const services = wireApi(deps);
  const { agentResources: agents, overview, rollouts, access, authentication, wrongCredentials } = services;
  observeNumbers('api', wrongCredentials.totals, []);
  const live = new Live({ agents, overview, rollouts, log });
  const schema = graphqlSchema(services, settings, live);
  const app = await createApp(deps, services, schema);
  await app.init();
  await live.listen(bus);
  const sockets = serveGraphqlSockets({
    server: app.getHttpServer(),
    schema,
    access,
    authentication,
    log,
    recheckMs: deps.recheckMs ?? 3_000,
  });
  const listening = await bus.listen('access.credentials-ended', () => void sockets.recheck());
  const stop = async () => {
    await listening.stop();
    wrongCredentials.stop();
    await sockets.stop();
    await live.stop();
    await app.close();
  };
  try {
    return { url: await listen(app, settings), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The HTTP server with all its routes, which come with `init`; `onRoute` hears of each. */
export async function createApp(
  { settings, log }: Pick<ApiDeps, 'settings' | 'log'>,
  services: ApiServices,
  schema: GraphQLSchema,
  onRoute: (route: RouteOptions) => void = () => {},
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: settings.maxBodyBytes,
    genReqId: () => randomUUID(),
    forceCloseConnections: true,
    requestTimeout: 30_000,
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 2_000 },
    frameworkErrors: (_error: Error, _request: FastifyRequest, reply: FastifyReply) =>
      sendProblem(reply, malformedAddress),
  });
  const instance: FastifyInstance = adapter.getInstance();
  const filter = new ProblemFilter(log);
  instance.addHook('onRoute', limitOpenRoute);
  instance.addHook('onRoute', onRoute);
  instance.addHook('onRequest', guard(services.authentication));
  instance.addHook('onSend', leaveBodyUnread);
  instance.removeContentTypeParser('text/plain');
  parseJsonBodies(instance);
  await compressAnswers(instance);
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.of(services, settings), adapter, {
    logger: false,
    abortOnError: false,
    bodyParser: false,
  });
  app.useGlobalFilters(filter);
  await serveGraphql(instance, graphqlOptions(schema, log));
  await serveWebUi(instance, settings.webRoot, filter);
  return app;
}

/** What anybody may send without a credential; bytes. */
const openBodyBytes = 4 * 1024;

function limitOpenRoute(route: RouteOptions): void {
  if ((route.config as { open?: boolean } | undefined)?.open) route.bodyLimit = openBodyBytes;
}

async function serveGraphql(instance: FastifyInstance, options: MercuriusOptions): Promise<void> {
  await instance.register(mercurius, options);
  instance.graphql.addHook('preParsing', graphqlHooks.preParsing);
  instance.graphql.addHook('preExecution', graphqlHooks.preExecution);
}

/** The UI's files are open to all: signing in happens in them. */
async function serveWebUi(
  instance: FastifyInstance,
  webRoot: string | null,
  filter: ProblemFilter,
): Promise<void> {
  if (webRoot === null || !holdsWebUi(webRoot)) return;
  await instance.register(async (ui) => {
    ui.setErrorHandler((error, request, reply) => filter.answer(error, request, reply));
    ui.addHook('onRoute', (route) => void (route.config = { ...route.config, open: true }));
    await ui.register(fastifyStatic, {
      root: webRoot,
      wildcard: false,
      // beside each file, by the build
      preCompressed: true,
      globIgnore: ['**/*.br', '**/*.gz'],
      cacheControl: false,
      setHeaders: (reply, path) => void reply.header('Cache-Control', cacheControl(webRoot, path)),
    });
    ui.get('/*', serveStartPage);
  });
  instance.all('/api/*', () => {
    throw new UnknownRoute();
  });
}

async function listen(app: NestFastifyApplication, { host, port }: ApiSettings): Promise<string> {
  try {
    await app.listen(port, host);
  } catch (error) {
    throw new CannotListen(host, port, 'MUSTER_API_PORT', error);
  }
  return app.getUrl();
}
