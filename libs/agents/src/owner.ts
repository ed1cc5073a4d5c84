/**
 * What an agent belongs to: the enrollment token or the client certificate it came with. `token/<uuid>`, or
 * `certificate/<32 hex digits>` of what the certificate names (a renewed one names the same).
 */
export type Owner = `token/${string}` | `certificate/${string}`;

/** An owner, and from where it last spoke for the agent. */
export interface Keeper {
  owner: Owner;
  remoteAddress: string;
}

/** Who wants an agent, and by what right. */
export interface Claimant extends Keeper {
  /** An operator allowed the token to take over agents of other tokens. */
  mayTakeOver: boolean;
  /** The client certificate names this very agent: its authority vouches for it. */
  isNamed: boolean;
}

/** The agent came by a certificate, before it was noted by which. */
export const unknownCertificate: Owner = `certificate/${'0'.repeat(32)}`;

/**
 * May the claimant speak for an agent of `owner`? An agent of a token is given to a certificate that names it, or to a
 * token that an operator marked; an agent of a certificate to nothing but a certificate.
 */
export function mayClaim(owner: Owner, claimant: Claimant): boolean {
  if (owner === claimant.owner || claimant.isNamed) return true;
  if (owner === unknownCertificate) return claimant.owner.startsWith('certificate/');
  return claimant.mayTakeOver && owner.startsWith('token/');
}

/** The owner as bytes: `t` or `c`, then 16 bytes. */
export const ownerBytes = 17;
/** Longer ones are no addresses. */
const addressBytes = 46;

/** A keeper as `ownerBytes` bytes and the address, 63 bytes at most. */
export function keeperToBytes({ owner, remoteAddress }: Keeper): Buffer {
  const [kind, id] = owner.split('/', 2) as [string, string];
  return Buffer.concat([
    Buffer.from(kind.charAt(0)),
    Buffer.from(id.replaceAll('-', ''), 'hex'),
    Buffer.from(remoteAddress.slice(0, addressBytes), 'latin1'),
  ]);
}

export function keeperFromBytes(bytes: Buffer): Keeper {
  const id = bytes.toString('hex', 1, ownerBytes);
  const owner: Owner = bytes[0] === 't'.charCodeAt(0) ? `token/${uuidOf(id)}` : `certificate/${id}`;
  return { owner, remoteAddress: bytes.toString('latin1', ownerBytes) };
}

/** The owner of an agent as the tables know it; null: nothing let it in that is known. */
export function storedOwner(enrollmentTokenId: string | null, certificate: Buffer | null): Owner | null {
  if (certificate !== null) return `certificate/${certificate.toString('hex')}`;
  return enrollmentTokenId === null ? null : `token/${enrollmentTokenId}`;
}

function uuidOf(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
