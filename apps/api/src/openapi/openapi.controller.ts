import { Controller, Get } from '@nestjs/common';
import { openapiDocument } from './openapi-document.ts';

@Controller('api')
export class OpenapiController {
  readonly #document = openapiDocument();

  @Get('openapi.json')
  document(): object {
    return this.#document;
  }
}
