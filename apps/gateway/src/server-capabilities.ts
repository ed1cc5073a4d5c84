import { serverCapability } from '@muster/opamp/capabilities';

/** What this server can do, said in every answer. */
export const serverCapabilities =
  serverCapability.AcceptsStatus |
  serverCapability.OffersRemoteConfig |
  serverCapability.AcceptsEffectiveConfig |
  serverCapability.AcceptsPackagesStatus;
