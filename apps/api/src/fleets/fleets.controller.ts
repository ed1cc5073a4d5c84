import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { actorOf } from '../http/guard.ts';
import { pageOf, type Page } from '../http/paging.ts';
import { listQuery, parse, parseName } from '../http/parse.ts';
import { FleetChanges } from './fleet-changes.ts';
import { FleetResources } from './fleet-resources.ts';
import { putFleet, type FleetResource } from './fleet-schemas.ts';

@Controller('api/v1/fleets')
export class FleetsController {
  readonly #fleets: FleetResources;
  readonly #changes: FleetChanges;

  constructor(@Inject(FleetResources) fleets: FleetResources, @Inject(FleetChanges) changes: FleetChanges) {
    this.#fleets = fleets;
    this.#changes = changes;
  }

  @Get()
  async list(@Query() query: unknown): Promise<Page<FleetResource>> {
    const paging = parse(listQuery, query, 'query');
    return pageOf(await this.#fleets.list(), (fleet) => fleet.name, paging);
  }

  @Get(':name')
  find(@Param('name') name: string): Promise<FleetResource> {
    return this.#fleets.find(parseName(name));
  }

  @Put(':name')
  async put(
    @Req() request: FastifyRequest,
    @Param('name') name: string,
    @Body() body: unknown,
  ): Promise<FleetResource> {
    const input = { name: parseName(name), ...parse(putFleet, body) };
    const { rollout } = await this.#changes.put(actorOf(request), input);
    const fleet = await this.#fleets.find(input.name);
    return { ...fleet, rollout: rollout?.id ?? fleet.rollout };
  }

  @Delete(':name')
  @HttpCode(204)
  delete(@Req() request: FastifyRequest, @Param('name') name: string): Promise<void> {
    return this.#changes.delete(actorOf(request), parseName(name));
  }
}
