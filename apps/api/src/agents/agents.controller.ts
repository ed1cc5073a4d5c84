import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Query,
  Req,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Explanations } from '@muster/configs/explanations.postgres';
import { actorOf } from '../http/guard.ts';
import { parse } from '../http/parse.ts';
import type { Page } from '../http/paging.ts';
import { AgentChanges } from './agent-changes.ts';
import { AgentResources, parseUid } from './agent-resources.ts';
import {
  agentCommand,
  agentPatch,
  agentQuery,
  toExplanationResource,
  type AgentDetailResource,
  type AgentResource,
  type ExplanationResource,
} from './agent-schemas.ts';

@Controller('api/v1/agents')
export class AgentsController {
  readonly #agents: AgentResources;
  readonly #changes: AgentChanges;

  readonly #explanations: Explanations;

  constructor(
    @Inject(AgentResources) agents: AgentResources,
    @Inject(AgentChanges) changes: AgentChanges,
    @Inject(Explanations) explanations: Explanations,
  ) {
    this.#explanations = explanations;
    this.#agents = agents;
    this.#changes = changes;
  }

  @Get()
  list(@Query() query: unknown): Promise<Page<AgentResource>> {
    return this.#agents.page(parse(agentQuery, query, 'query'));
  }

  @Get(':uid')
  find(@Param('uid') uid: string): Promise<AgentDetailResource> {
    return this.#agents.find(parseUid(uid));
  }

  @Get(':uid/explain')
  async explain(@Param('uid') uid: string): Promise<ExplanationResource> {
    return toExplanationResource(await this.#explanations.explain(parseUid(uid)));
  }

  @Patch(':uid')
  async patch(
    @Req() request: FastifyRequest,
    @Param('uid') uid: string,
    @Body() body: unknown,
  ): Promise<AgentDetailResource> {
    const id = parseUid(uid);
    await this.#changes.setLabels(actorOf(request), id, parse(agentPatch, body).labels);
    return this.#agents.find(id);
  }

  @Delete(':uid')
  @HttpCode(204)
  delete(@Req() request: FastifyRequest, @Param('uid') uid: string): Promise<void> {
    return this.#changes.delete(actorOf(request), parseUid(uid));
  }

  @Post(':uid/commands')
  @HttpCode(202)
  async command(
    @Req() request: FastifyRequest,
    @Param('uid') uid: string,
    @Body() body: unknown,
  ): Promise<{ command: string }> {
    const id = parseUid(uid);
    const { command } = parse(agentCommand, body);
    await this.#changes.restart(actorOf(request), id);
    return { command };
  }
}
