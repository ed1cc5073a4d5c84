import { Body, Controller, Delete, Get, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { AccessService, sessionHours } from '@muster/access/access-service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Authentication, readSessionCookie, sessionCookieHeader } from '../http/authentication.ts';
import { Unauthenticated } from '../http/errors.ts';
import { actorOf } from '../http/guard.ts';
import { parse } from '../http/parse.ts';
import { toDateTime } from '../http/schemas.ts';
import { API_SETTINGS, type ApiSettings } from '../settings.ts';
import { signIn, type SessionResource } from './session-schemas.ts';

/** Signing in to the web UI: an API key opens a session, a cookie that scripts cannot read holds it. */
@Controller('api/v1/session')
export class SessionController {
  readonly #access: AccessService;
  readonly #settings: ApiSettings;

  readonly #authentication: Authentication;

  constructor(
    @Inject(AccessService) access: AccessService,
    @Inject(Authentication) authentication: Authentication,
    @Inject(API_SETTINGS) settings: ApiSettings,
  ) {
    this.#access = access;
    this.#authentication = authentication;
    this.#settings = settings;
  }

  @Post()
  @HttpCode(200)
  @RouteConfig({ open: true })
  async open(
    @Req() request: FastifyRequest,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SessionResource> {
    const session = await this.#authentication.openSession(request.raw, parse(signIn, body).key);
    if (!session) throw new Unauthenticated();
    this.#setCookie(reply, session.cookie);
    return { actor: session.actor, expiresAt: toDateTime(session.expiresAt) };
  }

  @Get()
  find(@Req() request: FastifyRequest): SessionResource {
    return { actor: actorOf(request), expiresAt: null };
  }

  @Delete()
  @HttpCode(204)
  async close(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const cookie = readSessionCookie(request.headers.cookie);
    if (cookie) await this.#access.closeSession(cookie);
    this.#setCookie(reply, null);
  }

  #setCookie(reply: FastifyReply, secret: string | null): void {
    const value = sessionCookieHeader(secret, sessionHours * 3600, this.#settings.secureCookies);
    void reply.header('Set-Cookie', value);
  }
}
