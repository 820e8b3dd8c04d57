import { type Exchange, type OutboxMemory, outboxBytes } from './exchange.ts';
import type { MemoryLedger } from './ledger.ts';

/** A rank's outbox in its ledger. New ones come where gating changes what they must hold. */
export class RankOutbox {
  private bytes = 0;

  constructor(
    private readonly exchange: Exchange | undefined,
    private readonly ledger: MemoryLedger,
  ) {}

  take(memory: OutboxMemory): void {
    const { exchange } = this;
    if (exchange === undefined) return;
    exchange.use(memory);
    this.bytes = outboxBytes(exchange.memory.experts, exchange.memory.hidden, memory);
    this.ledger.add('gatingReorder', this.bytes);
  }

  give(): void {
    this.ledger.remove('gatingReorder', this.bytes);
    this.bytes = 0;
  }
}
