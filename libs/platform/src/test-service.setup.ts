import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { LocalService, LocalServiceOptions } from './local-services.ts';

/** A NATS or Redis server of a test file's own: started before its tests, stopped after them. */
export function useTestService(start: (options: LocalServiceOptions) => Promise<LocalService>) {
  let dataDir: string;
  let service: LocalService;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'muster-test-service-'));
    service = await start({ dataDir });
  });
  afterAll(async () => {
    await service.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  return {
    get url(): string {
      return service.url;
    },
    stop: () => service.stop(),
    /** Starts it again, on the port it had and with what it kept. */
    async startAgain(): Promise<void> {
      service = await start({ dataDir, port: service.port });
    },
  };
}
