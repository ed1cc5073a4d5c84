import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ConfigurationService } from '@muster/configs/configuration-service';
import { UnknownConfiguration } from '@muster/configs/errors';
import { Explanations } from '@muster/configs/explanations.postgres';
import { ConfigurationValidation } from '@muster/configs/validation.postgres';
import { parseUid } from '../agents/agent-resources.ts';
import { actorOf } from '../http/guard.ts';
import { pageOf, type Page } from '../http/paging.ts';
import { listQuery, parse, parseName, versionNumber } from '../http/parse.ts';
import { ConfigurationChanges } from './configuration-changes.ts';
import {
  diffQuery,
  newConfiguration,
  newVersion,
  preview,
  restoration,
  toConfigurationResource,
  toConfigurationText,
  toRenderedMembers,
  toValidationResource,
  toVersionResource,
  validation,
  type ConfigurationResource,
  type PreviewResource,
  type ValidationResource,
  type VersionResource,
} from './configuration-schemas.ts';

@Controller('api/v1/configurations')
export class ConfigurationsController {
  readonly #configurations: ConfigurationService;
  readonly #changes: ConfigurationChanges;
  readonly #explanations: Explanations;
  readonly #validation: ConfigurationValidation;

  constructor(
    @Inject(ConfigurationService) configurations: ConfigurationService,
    @Inject(ConfigurationChanges) changes: ConfigurationChanges,
    @Inject(Explanations) explanations: Explanations,
    @Inject(ConfigurationValidation) validation: ConfigurationValidation,
  ) {
    this.#configurations = configurations;
    this.#changes = changes;
    this.#explanations = explanations;
    this.#validation = validation;
  }

  @Get()
  async list(@Query() query: unknown): Promise<Page<ConfigurationResource>> {
    const paging = parse(listQuery, query, 'query');
    const all = await this.#configurations.list();
    return pageOf(all.map(toConfigurationResource), (configuration) => configuration.name, paging);
  }

  @Post()
  async create(@Req() request: FastifyRequest, @Body() body: unknown): Promise<ConfigurationResource> {
    const input = parse(newConfiguration, body);
    return toConfigurationResource(await this.#changes.create(actorOf(request), input));
  }

  @Get(':name')
  async find(@Param('name') name: string): Promise<ConfigurationResource> {
    return toConfigurationResource(await this.#find(parseName(name)));
  }

  @Post(':name/versions')
  async createVersion(
    @Req() request: FastifyRequest,
    @Param('name') name: string,
    @Body() body: unknown,
  ): Promise<VersionResource> {
    const input = { name: parseName(name), ...parse(newVersion, body) };
    return toVersionResource(await this.#changes.createVersion(actorOf(request), input));
  }

  /** Newest first. */
  @Get(':name/versions')
  async versions(@Param('name') name: string, @Query() query: unknown): Promise<Page<VersionResource>> {
    const paging = parse(listQuery, query, 'query');
    const versions = await this.#configurations.versions(parseName(name));
    return pageOf(versions.map(toVersionResource), newestFirst, paging);
  }

  @Get(':name/versions/:version')
  async version(@Param('name') name: string, @Param('version') version: string): Promise<VersionResource> {
    const number = parse(versionNumber, version, 'version');
    return toVersionResource(await this.#configurations.version(parseName(name), number));
  }

  @Post(':name/versions/:version/restore')
  async restore(
    @Req() request: FastifyRequest,
    @Param('name') name: string,
    @Param('version') version: string,
    @Body() body: unknown,
  ): Promise<VersionResource> {
    const input = {
      name: parseName(name),
      version: parse(versionNumber, version, 'version'),
      ...parse(restoration, body ?? {}),
    };
    return toVersionResource(await this.#changes.restore(actorOf(request), input));
  }

  @Get(':name/diff')
  async diff(
    @Param('name') name: string,
    @Query() query: unknown,
  ): Promise<{ from: number; to: number; diff: string }> {
    const { from, to } = parse(diffQuery, query, 'query');
    return { from, to, diff: await this.#configurations.diff(parseName(name), from, to) };
  }

  @Post(':name/validate')
  @HttpCode(200)
  async validate(@Param('name') name: string, @Body() body: unknown): Promise<ValidationResource> {
    const known = parseName(name);
    const { latest } = await this.#find(known);
    const input = parse(validation, body ?? {});
    const text = toConfigurationText(input) ?? latest;
    return toValidationResource(await this.#validation.validate(text, { name: known, fleet: input.fleet }));
  }

  @Post(':name/preview')
  @HttpCode(200)
  async preview(@Param('name') name: string, @Body() body: unknown): Promise<PreviewResource> {
    const { agent, version } = parse(preview, body);
    const known = parseName(name);
    const rendered = await this.#explanations.preview(known, version, parseUid(agent, 'agent'));
    return { name: known, version: rendered.version, ...toRenderedMembers(rendered) };
  }

  async #find(name: string) {
    const configuration = await this.#configurations.find(name);
    if (!configuration) throw new UnknownConfiguration(name);
    return configuration;
  }
}

/** A key that sorts versions from the newest to the oldest. */
function newestFirst({ version }: VersionResource): string {
  return String(2 ** 31 - version).padStart(10, '0');
}
