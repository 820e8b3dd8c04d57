import type { LayerSpec, ModelSpec } from '../families/spec.ts';
import { routersAhead, routersAheadBytes } from '../graph/router_ahead.ts';
import type { MemoryLedger } from '../rank/ledger.ts';
import type { TokenGroup } from '../rank/token_groups.ts';
import type { Hidden } from './device.ts';

/** One router on its device (graph/router_ahead.ts). */
export interface RouterSession {
  /** @param h [B, S, hidden], which stays as it is @returns router logits [B, S, experts] in this process's memory */
  run(h: Hidden, group: TokenGroup): Promise<Float32Array>;
  release(): Promise<void>;
}

/** The routers of the next MoE layers, a session each on the device that has the hidden states; held only while something asks them. */
export class NextRouters {
  private sessions: readonly (RouterSession | undefined)[] = [];
  private bytes = 0;

  /** @param create a session of a layer's router on the device */
  constructor(
    private readonly spec: ModelSpec,
    private readonly ledger: MemoryLedger,
    private readonly create: (layer: LayerSpec) => Promise<RouterSession>,
  ) {}

  async open(): Promise<void> {
    const { spec } = this;
    this.bytes = routersAheadBytes(spec);
    this.ledger.add('otherDense', this.bytes);
    const sessions: (RouterSession | undefined)[] = [];
    for (const layer of routersAhead(spec)) {
      sessions.push(layer && (await this.create(layer)));
    }
    this.sessions = sessions;
  }

  /**
   * @param layer MoE layer whose residual stream `h` is, before its experts; another follows it in its stack
   * @returns the next one's router logits [B, S, experts]
   */
  run(layer: number, h: Hidden, group: TokenGroup): Promise<Float32Array> {
    const session = this.sessions[layer];
    if (session === undefined) throw new Error(`no router is open after MoE layer ${layer}`);
    return session.run(h, group);
  }

  async close(): Promise<void> {
    for (const session of this.sessions) await session?.release();
    this.sessions = [];
    this.ledger.remove('otherDense', this.bytes);
    this.bytes = 0;
  }
}
