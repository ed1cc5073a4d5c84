import { Readiness, type ReadyState } from '@muster/platform/readiness';
import { Controller, Get, Inject, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';

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

  /** 200 when the API does its work, 503 when not; what is wrong is named either way. */
  @Get('readyz')
  @RouteConfig({ open: true })
  async readyz(@Res({ passthrough: true }) reply: FastifyReply): Promise<ReadyState> {
    const state = await this.#readiness.look();
    void reply.status(state.status === 'ready' ? 200 : 503);
    return state;
  }
}
