import { setTimeout as pause } from 'node:timers/promises';
import { storedOwner, type Owner } from '@muster/agents/owner';
import { yieldRefusals, type DeliveryReceipt, type Yield } from '@muster/messages/delivery';
import { closeReasons } from './agent-link.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Liveness } from './liveness.ts';
import type { Newcomers } from './newcomers.ts';
import type { SequenceStreams } from './sequence-streams.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/** How long the next gateway may wait for reports on their way to the bus; longer, and the agent is asked again. */
const publishedWithinMs = 500;
const lookEveryMs = 20;

/** Lets go of agents that came up at another gateway, unless their own client here lives (`Yield`). */
export class HandOvers {
  readonly #sessions: Sessions;
  readonly #newcomers: Newcomers;
  readonly #checkpoints: Checkpoints;
  readonly #liveness: Liveness;
  readonly #streams: SequenceStreams;

  constructor(
    sessions: Sessions,
    newcomers: Newcomers,
    checkpoints: Checkpoints,
    liveness: Liveness,
    streams: SequenceStreams,
  ) {
    this.#sessions = sessions;
    this.#newcomers = newcomers;
    this.#checkpoints = checkpoints;
    this.#liveness = liveness;
    this.#streams = streams;
  }

  /** The receipt names the agent as not held, refuses it, or says nothing: then it was let go of, and Presence knows how far it came. */
  async answer(order: Yield): Promise<DeliveryReceipt> {
    const { instanceUid } = order;
    const session = this.#sessions.find(instanceUid);
    if (session === null) return { notHeld: instanceUid, refused: [] };
    const { owner, remoteAddress } = session;
    const newcomer = { owner: newcomerOf(order), remoteAddress: order.remoteAddress };
    const isOwner = newcomer.owner === owner;
    const standing = await this.#newcomers.standing(session, { ...order, isOwner });
    if (standing === 'another') return refusal(instanceUid, yieldRefusals.lives);
    if (standing === 'undecided') return refusal(instanceUid, yieldRefusals.heardLately);
    if (session.transport === 'http' && order.transport === 'http' && !this.#notePolls(session, order)) {
      return refusal(instanceUid, yieldRefusals.heardLately);
    }
    // One that changes hands is noted with its claim.
    const { socket } = session;
    if (isOwner && socket !== null && !socket.lost) {
      this.#newcomers.noteTakeover(instanceUid, { owner, remoteAddress }, newcomer);
    }
    await this.#handOver(session);
    return { notHeld: nobody, refused: [] };
  }

  /**
   * Two clients that poll take the agent from each other: the one that was replaced and comes back was here first. False:
   * there were too many.
   */
  #notePolls(session: Session, { sequenceNum, resumes }: Yield): boolean {
    if (!session.known || sequenceNum === session.sequenceNum + 1) return true;
    if (!resumes) return this.#streams.replaced(session.uid, session.sequenceNum);
    this.#streams.intrudes(session.uid, session.sequenceNum);
    return true;
  }

  async #handOver(session: Session): Promise<void> {
    const until = Date.now() + publishedWithinMs;
    while (session.pendingReports > 0 && Date.now() < until) await pause(lookEveryMs);
    if (session.claimed && session.pendingReports === 0) await this.#checkpoints.saveNow(session);
    const { socket } = session;
    this.#liveness.forget(session);
    if (socket && socket.sessions().length === 0) socket.link.close(closeReasons.replaced);
  }
}

function newcomerOf({ enrollmentTokenId, certificateIdentity }: Yield): Owner {
  return storedOwner(enrollmentTokenId, certificateIdentity ? Buffer.from(certificateIdentity) : null)!;
}

function refusal(instanceUid: Uint8Array, reason: string): DeliveryReceipt {
  return { notHeld: nobody, refused: [{ instanceUid, reason }] };
}

const nobody = new Uint8Array(0);
