import type { Operation } from '../http/operation.ts';
import { offerHoldRelease, offerHoldState, releaseOfferHold } from './offer-hold-schemas.ts';

const tag = 'offer hold';

export const offerHoldOperations: Operation[] = [
  {
    method: 'get',
    path: '/offer-hold',
    id: 'getOfferHold',
    summary: 'Whether offers are held because the database was put back, and what agents have shown since',
    tag,
    status: 200,
    answer: offerHoldState,
  },
  {
    method: 'post',
    path: '/offer-hold/release',
    id: 'releaseOfferHold',
    summary: 'Decide what counts, the database or what agents run, and make offers again',
    tag,
    body: releaseOfferHold,
    status: 200,
    answer: offerHoldRelease,
  },
];
