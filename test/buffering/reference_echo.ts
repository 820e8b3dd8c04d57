/** Routing echo from its description, with nothing kept but what happened: sets of every pass, everything counted anew. */
export class ReferenceEcho {
  /** [pass][layer] */
  private readonly passes: number[][][] = [];
  private readonly weights = [-1, 1, 1, 0, 0.5, 0];
  private readonly squares = [0, 0, 0, 0, 0, 0];
  private readonly features = new Map<string, { likeness: number; rows: number[][] }>();
  private readonly size: number[] = [];

  constructor(private readonly experts: number) {}

  /** Scores after an event, by expert, without the terms that all experts share; undefined where nothing was used. */
  event(layer: number, active: number[]): number[] | undefined {
    if (layer === 0) this.passes.push([]);
    const pass = this.passes.length - 1;
    (this.passes[pass] as number[][])[layer] = active;
    if (active.length === 0) return undefined;
    const usual = this.size[layer];
    this.size[layer] =
      usual === undefined || active.length < usual ? active.length : usual + 0.05 * (active.length - usual);
    this.learn(layer, pass - 3);
    const { near, likeness } = this.nearest(layer);
    const rows = this.ids().map((expert) => {
      const used = this.passes.flatMap((sets, at) => (sets[layer]?.includes(expert) ? [at] : []));
      const age = used.length === 0 ? pass + 1 : pass - (used.at(-1) as number);
      const follow = active.reduce((sum, before) => sum + this.followed(layer, before, expert), 0) / active.length;
      return [
        Math.log(used.length + 0.5) - Math.log(pass + 1),
        -Math.log(age + 1),
        Math.log(follow + 0.02),
        Math.log(this.expected(layer, expert, near) + 0.05),
      ].map(Math.fround);
    });
    this.features.set(`${pass} ${layer}`, { likeness, rows });
    const [w0, w1, w2, w3, w4, w5] = this.weights as [number, number, number, number, number, number];
    const bases = this.bases(layer);
    return rows.map((row) => {
      const [x1, x2, x3, x4] = row.map((value, index) => value - (bases[index] as number));
      return (
        w0 + w1 * (x1 as number) + w2 * (x2 as number) + w3 * (x3 as number) + (w4 + w5 * likeness) * (x4 as number)
      );
    });
  }

  /** Share of the nearest passes that used each expert of `layer` in a pass that has come to the layers before it. */
  votes(layer: number): number[] {
    if (layer === 0) this.passes.push([]);
    const { near } = this.nearest(layer - 1);
    const total = near.reduce((sum, weight) => sum + weight, 0);
    const votes = this.ids().map((expert) =>
      near.reduce((sum, weight, past) => sum + (this.passes[past]?.[layer]?.includes(expert) ? weight / total : 0), 0),
    );
    if (layer === 0) this.passes.pop();
    return total === 0 ? this.ids().map(() => 0) : votes;
  }

  private ids(): number[] {
    return Array.from({ length: this.experts }, (_, expert) => expert);
  }

  private set(pass: number, layer: number): number[] {
    return this.passes[pass]?.[layer] ?? [];
  }

  private shared(pass: number, past: number, layer: number): number {
    return this.set(pass, layer).filter((expert) => this.set(past, layer).includes(expert)).length;
  }

  /** Weights by past pass, seen from the present one after `toLayer`. */
  private nearest(toLayer: number): { near: number[]; likeness: number } {
    const pass = this.passes.length - 1;
    const first = Math.max(0, pass - 511);
    const [now, before] = [this.passes[pass] as number[][], this.passes[pass - 1] ?? []];
    const all = before.reduce((sum, set) => sum + set.length, 0);
    const likeness = (past: number): number => {
      let common = 0;
      let most = 0;
      for (let layer = 0; layer <= toLayer; layer++) {
        if (this.set(pass, layer).length === 0) continue;
        common = 0.7 * common + this.shared(pass, past, layer);
        most = 0.7 * most + (now[layer]?.length ?? 0);
      }
      const last = past === 0 ? 0 : before.reduce((sum, _, layer) => sum + this.shared(pass - 1, past - 1, layer), 0);
      return (most === 0 ? 0 : common / most) + (all === 0 ? 0 : (0.5 * last) / all);
    };
    const values = Array.from({ length: pass - first }, (_, index) => likeness(first + index));
    const best = Math.max(0, ...values);
    let least = Number.NEGATIVE_INFINITY;
    if (values.length > 16) {
      const width = (best + 1e-9) / 63.9;
      const within = (bins: number) => values.filter((value) => Math.floor((best - value) / width) < bins).length;
      let bins = 1;
      while (bins < 64 && within(bins) < 16) bins++;
      least = best - bins * width;
    }
    const weights = values.map((value) => (value < least ? 0 : Math.exp(12 * (value - best))));
    return { near: [...new Array<number>(first).fill(0), ...weights], likeness: values.length === 0 ? 0 : best };
  }

  private expected(layer: number, expert: number, near: readonly number[]): number {
    const pass = this.passes.length - 1;
    const total = near.reduce((sum, weight) => sum + weight, 0);
    let [use, weight] = [0, 0];
    for (let at = Math.max(0, pass - 511) + 1; at <= pass; at++) {
      weight = 0.6 * weight + (near[at - 1] ?? 0);
      const share = (0.4 * weight) / total;
      if (share >= 1e-4 && this.set(at, layer).includes(expert)) use += share;
    }
    return use;
  }

  private followed(layer: number, before: number, expert: number): number {
    let [passes, counts] = [0, 0];
    for (let at = 1; at < this.passes.length; at++) {
      if (this.set(at, layer).length === 0 || !this.set(at - 1, layer).includes(before)) continue;
      passes++;
      if (this.set(at, layer).includes(expert)) counts++;
    }
    return counts / (passes + 2);
  }

  private bases(layer: number): number[] {
    const rate = (this.size[layer] as number) / this.experts;
    return [Math.log(rate), 0, Math.log(0.02 + rate), Math.log(0.05 + rate)];
  }

  private learn(layer: number, past: number): void {
    const seen = this.features.get(`${past} ${layer}`);
    if (seen === undefined) return;
    const bases = this.bases(layer);
    const gradient = [0, 0, 0, 0, 0, 0];
    for (const [expert, row] of seen.rows.entries()) {
      const [x1, x2, x3, x4] = row.map((value, index) => value - (bases[index] as number)) as [
        number,
        number,
        number,
        number,
      ];
      const x = [1, x1, x2, x3, x4, x4 * seen.likeness];
      const z = x.reduce((sum, value, index) => sum + value * (this.weights[index] as number), 0);
      const used = [1, 2, 3].some((later) => this.set(past + later, layer).includes(expert)) ? 1 : 0;
      for (const [index, value] of x.entries()) {
        gradient[index] = (gradient[index] as number) + ((1 / (1 + Math.exp(-z)) - used) * value) / this.experts;
      }
    }
    for (const [index, g] of gradient.entries()) {
      this.squares[index] = (this.squares[index] as number) + g * g;
      this.weights[index] =
        (this.weights[index] as number) - (0.05 * g) / (Math.sqrt(this.squares[index] as number) + 1e-4);
    }
  }
}
