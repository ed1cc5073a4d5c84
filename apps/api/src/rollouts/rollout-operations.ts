import type { Operation } from '../http/operation.ts';
import { blastRadiusResource, rolloutPreview } from './blast-radius-schemas.ts';
import { rolloutOrders } from './rollout-changes.ts';
import {
  newRollout,
  rolloutAgentPage,
  rolloutAgentsQuery,
  rolloutEventPage,
  rolloutPage,
  rolloutQuery,
  rolloutResource,
} from './rollout-schemas.ts';

const tag = 'rollouts';

const summaries = {
  pause: 'Offer to no further agent until resumed, while catching up too',
  resume: 'Go on with a paused rollout, or with catching up',
  abort: 'End a rollout, or its catching up; agents keep what they have',
  rollback: 'Take every agent back to what it had before',
};

export const rolloutOperations: Operation[] = [
  {
    method: 'get',
    path: '/rollouts',
    id: 'listRollouts',
    summary: 'Rollouts, newest first',
    tag,
    query: rolloutQuery,
    status: 200,
    answer: rolloutPage,
  },
  {
    method: 'post',
    path: '/rollouts',
    id: 'startRollout',
    summary: 'Bring a fleet to a version, wave by wave',
    tag,
    body: newRollout,
    status: 201,
    answer: rolloutResource,
  },
  {
    method: 'post',
    path: '/rollouts/preview',
    id: 'previewRollout',
    summary: 'What a rollout would change and who would be skipped, before it starts',
    tag,
    body: rolloutPreview,
    status: 200,
    answer: blastRadiusResource,
  },
  {
    method: 'get',
    path: '/rollouts/{id}',
    id: 'getRollout',
    summary: 'One rollout',
    tag,
    status: 200,
    answer: rolloutResource,
  },
  {
    method: 'get',
    path: '/rollouts/{id}/agents',
    id: 'listRolloutAgents',
    summary: 'How agents stand in a rollout and what they made of it, those that failed first',
    tag,
    query: rolloutAgentsQuery,
    status: 200,
    answer: rolloutAgentPage,
  },
  {
    method: 'get',
    path: '/rollouts/{id}/events',
    id: 'listRolloutEvents',
    summary: 'What happened in a rollout, oldest first',
    tag,
    status: 200,
    answer: rolloutEventPage,
  },
  ...rolloutOrders.map((order): Operation => ({
    method: 'post',
    path: `/rollouts/{id}/${order}`,
    id: `${order}Rollout`,
    summary: summaries[order],
    tag,
    status: 200,
    answer: rolloutResource,
  })),
];
