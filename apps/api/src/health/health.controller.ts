import { Controller, Get, Inject, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { Readiness } from './readiness.ts';

/** For whoever watches over the process; open to all. */
@Controller()
export class HealthController {
  readonly #readiness: Readiness;

  constructor(@Inject(Readiness) readiness: Readiness) {
    this.#readiness = readiness;
  }

  /** The process lives. */
  @Get('healthz')
  @RouteConfig({ open: true })
  healthz(): { status: string } {
    return { status: 'ok' };
  }

  /** 200 when database and bus answer, 503 with the parts that do not. */
  @Get('readyz')
  @RouteConfig({ open: true })
  async readyz(
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<{ status: string; missing: string[] }> {
    const missing = await this.#readiness.missing();
    void reply.status(missing.length === 0 ? 200 : 503);
    return { status: missing.length === 0 ? 'ready' : 'not ready', missing };
  }
}
