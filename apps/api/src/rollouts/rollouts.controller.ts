import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import { BlastRadii } from '@muster/rollouts/blast-radii.postgres';
import { UnknownRollout } from '@muster/rollouts/errors';
import { RolloutService } from '@muster/rollouts/rollout-service';
import type { FastifyRequest } from 'fastify';
import { actorOf } from '../http/guard.ts';
import type { Page } from '../http/paging.ts';
import { parse, parseId } from '../http/parse.ts';
import { rolloutPreview, toBlastRadiusResource, type BlastRadiusResource } from './blast-radius-schemas.ts';
import { RolloutChanges, type RolloutOrder } from './rollout-changes.ts';
import {
  newRollout,
  rolloutAgentsQuery,
  rolloutQuery,
  toRolloutAgentResource,
  toRolloutEventResource,
  toRolloutResource,
  type RolloutAgentResource,
  type RolloutEventResource,
  type RolloutResource,
} from './rollout-schemas.ts';

@Controller('api/v1/rollouts')
export class RolloutsController {
  readonly #rollouts: RolloutService;
  readonly #changes: RolloutChanges;
  readonly #blastRadii: BlastRadii;

  constructor(
    @Inject(RolloutService) rollouts: RolloutService,
    @Inject(RolloutChanges) changes: RolloutChanges,
    @Inject(BlastRadii) blastRadii: BlastRadii,
  ) {
    this.#rollouts = rollouts;
    this.#changes = changes;
    this.#blastRadii = blastRadii;
  }

  @Get()
  async list(@Query() query: unknown): Promise<Page<RolloutResource>> {
    const page = await this.#rollouts.page(parse(rolloutQuery, query, 'query'));
    return { ...page, items: page.items.map(toRolloutResource) };
  }

  @Post()
  async start(@Req() request: FastifyRequest, @Body() body: unknown): Promise<RolloutResource> {
    return toRolloutResource(await this.#changes.start(actorOf(request), parse(newRollout, body)));
  }

  @Post('preview')
  @HttpCode(200)
  async preview(@Body() body: unknown): Promise<BlastRadiusResource> {
    return toBlastRadiusResource(await this.#blastRadii.preview(parse(rolloutPreview, body)));
  }

  @Get(':id')
  async find(@Param('id') id: string): Promise<RolloutResource> {
    return toRolloutResource(await this.#find(parseId(id)));
  }

  @Get(':id/agents')
  async agents(@Param('id') id: string, @Query() query: unknown): Promise<Page<RolloutAgentResource>> {
    const page = await this.#rollouts.agents(parseId(id), parse(rolloutAgentsQuery, query, 'query'));
    return { ...page, items: page.items.map(toRolloutAgentResource) };
  }

  /** In no pages: a rollout has few events. */
  @Get(':id/events')
  async events(@Param('id') id: string): Promise<Page<RolloutEventResource>> {
    const rollout = await this.#find(parseId(id));
    const events = await this.#rollouts.events(rollout.id);
    return { items: events.map(toRolloutEventResource), next: null };
  }

  @Post(':id/pause')
  @HttpCode(200)
  pause(@Req() request: FastifyRequest, @Param('id') id: string): Promise<RolloutResource> {
    return this.#order(request, 'pause', id);
  }

  @Post(':id/resume')
  @HttpCode(200)
  resume(@Req() request: FastifyRequest, @Param('id') id: string): Promise<RolloutResource> {
    return this.#order(request, 'resume', id);
  }

  @Post(':id/abort')
  @HttpCode(200)
  abort(@Req() request: FastifyRequest, @Param('id') id: string): Promise<RolloutResource> {
    return this.#order(request, 'abort', id);
  }

  @Post(':id/rollback')
  @HttpCode(200)
  rollback(@Req() request: FastifyRequest, @Param('id') id: string): Promise<RolloutResource> {
    return this.#order(request, 'rollback', id);
  }

  async #order(request: FastifyRequest, order: RolloutOrder, id: string): Promise<RolloutResource> {
    return toRolloutResource(await this.#changes.order(actorOf(request), order, parseId(id)));
  }

  async #find(id: string) {
    const rollout = await this.#rollouts.find(id);
    if (!rollout) throw new UnknownRollout(id);
    return rollout;
  }
}
