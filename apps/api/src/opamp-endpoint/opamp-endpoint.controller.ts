import { Controller, Get, Inject, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { API_SETTINGS, type ApiSettings } from '../settings.ts';
import { opampEndpoint, type OpampEndpointResource } from './opamp-endpoint.ts';

@Controller('api/v1/opamp-endpoint')
export class OpampEndpointController {
  readonly #settings: ApiSettings;

  constructor(@Inject(API_SETTINGS) settings: ApiSettings) {
    this.#settings = settings;
  }

  @Get()
  find(@Req() request: FastifyRequest): OpampEndpointResource {
    return { url: opampEndpoint(this.#settings, request.headers) };
  }
}
