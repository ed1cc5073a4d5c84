import { offerCacheContract } from './offer-cache.contract.ts';
import { createMemoryOfferCache } from './offer-cache.memory.ts';

offerCacheContract(async () => createMemoryOfferCache());
