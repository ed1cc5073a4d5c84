import { agentCapability, serverCapability } from '@muster/opamp/capabilities';
import { checkNoError } from '../answers.ts';
import { usualCapabilities } from '../messages.ts';
import { check } from '../outcome.ts';
import type { Level, Maturity, Row } from '../row.ts';
import { overBoth } from '../transport.ts';

const capabilities = usualCapabilities | agentCapability.ReportsPackageStatuses;
const downloading = 4;
const installFailed = 3;

/** A rule about offers of packages: it binds a server that offers any, and needs someone to order one. */
function offer(number: string, level: Level, maturity: Maturity, section: string, rule: string): Row {
  const offers = serverCapability.OffersPackages;
  const why = 'someone would have to order an offer of packages';
  return { number, level, maturity, section, rule, over: overBoth, offers, needs: 'elsewhere', why };
}

/** Checklist 16: packages. */
export const packageRows: Row[] = [
  offer('16.1', 'MUST', 'B', 'Packages', 'packages go only to agents with AcceptsPackages'),
  offer('16.2', 'MUST', 'B', 'PackagesAvailable.all_packages_hash', 'the hash of all packages is always set'),
  offer('16.3', 'MUST°', 'B', 'Downloading Packages', 'an offer is the whole set: what it lacks is removed'),
  offer('16.4', 'MUST', 'B', 'Calculating Hashes', 'hashes are strong, stable, and mean nothing to agents'),
  offer('16.5', 'MUST°', 'B', 'DownloadableFile.content_hash', 'the content hash is the SHA-256 of the file'),
  offer(
    '16.6',
    'SHOULD',
    'B',
    'PackageAvailable.hash',
    "a package's hash covers its other fields and its content",
  ),
  offer(
    '16.7',
    'MUST°',
    'B',
    'All Packages Hash',
    'the hash of all covers the offered packages, none of the local ones',
  ),
  offer('16.8', 'SHOULD', 'B', 'PackageStatuses', 'a report of another hash is answered with the packages'),
  offer('16.9', 'MUST°', 'B', 'DownloadableFile.download_url', 'a file is one GET; ranges should be served'),
  offer('16.10', 'MAY', 'B', 'DownloadableFile', 'the GET may need headers, the content have a signature'),
  offer(
    '16.11',
    'MUST°',
    'B',
    'PackageAvailable.type',
    'packages are top-level or add-ons; a lone one may be named ""',
  ),
  {
    number: '16.12',
    level: 'MUST°',
    maturity: 'B',
    section: 'PackageStatuses',
    rule: 'a report is the full list: versions, statuses, errors and progress are kept, what vanished is gone',
    over: overBoth,
    offers: serverCapability.AcceptsPackagesStatus,
    needs: 'operator',
    async run(context) {
      const agent = await context.agent({ capabilities });
      const packages = {
        '': { agentHasVersion: '1.0', status: installFailed, errorMessage: 'no room' },
        addon: { agentHasVersion: '2.0', status: downloading, downloadDetails: { downloadPercent: 42.5 } },
      };
      await agent.exchange({ ...agent.fullState, packageStatuses: { packages } });
      await context.shows(
        agent,
        ({ packages: shown }) =>
          shown?.['']?.errorMessage === 'no room' &&
          /fail/i.test(shown[''].status) &&
          shown['addon']?.agentHasVersion === '2.0' &&
          shown['addon'].downloaded === 42.5,
        'version, status, error or progress is not shown',
      );
      await agent.exchange({ packageStatuses: { packages: { addon: { agentHasVersion: '2.0' } } } });
      await context.shows(
        agent,
        ({ packages: shown }) => shown !== null && !('' in shown) && 'addon' in shown,
        'a package that vanished is still shown',
      );
    },
  },
  {
    number: '16.13',
    level: 'MUST°',
    maturity: 'B',
    section: 'PackageStatus.server_offered_hash',
    rule: 'packages that nobody offered are legal',
    over: overBoth,
    offers: serverCapability.AcceptsPackagesStatus,
    needs: 'operator',
    async run(context) {
      const agent = await context.agent({ capabilities });
      const packageStatuses = { packages: { local: { name: 'local', agentHasVersion: '3.1' } } };
      checkNoError(await agent.exchange({ ...agent.fullState, packageStatuses }), 'the report');
      const { packages } = await context.shows(
        agent,
        (shown) => Boolean(shown.packages?.['local']),
        'not shown',
      );
      check(packages!['local']!.serverOfferedHash === '', 'shown as offered');
    },
  },
  offer(
    '16.14',
    'MUST°',
    'B',
    'PackageStatus.status',
    'an equal hash is not yet installed; what failed is not offered in a loop',
  ),
];
