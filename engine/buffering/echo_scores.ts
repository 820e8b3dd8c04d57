import type { RoutingHistory } from './routing_history.ts';
import { Transitions } from './transitions.ts';

/** A score says how soon an expert is used: within so many passes, which is also when it is learnt from. */
const HORIZON = 3;
const RING = HORIZON + 1;
/** Stored features of an expert: frequency, age, transition, echo. */
const FEATURES = 4;
/** Bias, the four features, and the echo times its likeness. */
const START = [-1, 1, 1, 0, 0.5, 0];
const RATE = 0.05;
/** What is added to the rates before their logarithms are taken. */
const TRANSITION_FLOOR = 0.02;
const ECHO_FLOOR = 0.05;
/** ln(age + 1) of the ages that are frequent. */
const LOG_AGES = Float64Array.from({ length: 4096 }, (_, age) => Math.log(age + 1));
/** The usual size of an event falls at once and rises this slowly: k in decoding, whatever prompts came between. */
const SIZE_GROWTH = 0.05;

/**
 * Routing echo, learned: how likely each expert is to be used soon, by a logistic model over five features of its past, whose
 * weights all layers of a device share and every event teaches (AdaGrad, three passes later, when it is known what was used).
 *
 *   frequency  ln((uses + 1/2) / (passes + 1)) - ln(k/E)          age   -ln(passes since the last use + 1)
 *   transition ln(rate + 0.02) - ln(k/E + 0.02): how often it followed the experts used now
 *   echo       ln(use + 0.05) - ln(k/E + 0.05): what followed the passes most like this one (routing_history.ts)
 *   echo times the likeness of the nearest pass
 *
 * The terms in k/E are put in when scored and when learnt, each time by the usual size of an event as known then: with them scores
 * of several layers compare, being the log-odds of a use. The first two features with equal weights are LFRU. Scores do not depend
 * on what is resident: caches of every size share them.
 */
export class EchoScores {
  /** [layers, experts]: the lowest is used last. Of each layer's last event. */
  private readonly scores: Float64Array;
  private readonly weights = Float64Array.from(START);
  private readonly squares = new Float64Array(START.length);
  private readonly gradient = new Float64Array(START.length);
  private readonly seen: Int32Array;
  private readonly counts: Int32Array;
  /** ln(count + 1/2) */
  private readonly logCounts: Float64Array;
  private readonly lastPass: Int32Array;
  private readonly usualSize: Float64Array;
  private readonly transitions: readonly Transitions[];
  /** [RING, layers, experts, FEATURES] and [RING, layers]. */
  private readonly features: Float32Array;
  private readonly likeness: Float64Array;
  private readonly featuresOf: Int32Array;
  private readonly before: Int32Array;
  private readonly expected: Float64Array;
  private readonly followed: Float64Array;

  constructor(
    private readonly history: RoutingHistory,
    private readonly layers: number,
    private readonly experts: number,
  ) {
    this.scores = new Float64Array(layers * experts);
    this.seen = Int32Array.from({ length: layers }, (_, layer) => history.events(layer));
    this.counts = new Int32Array(layers * experts);
    this.logCounts = new Float64Array(layers * experts).fill(Math.log(0.5));
    this.lastPass = new Int32Array(layers * experts).fill(-1);
    this.usualSize = new Float64Array(layers);
    this.transitions = Array.from({ length: layers }, () => new Transitions(experts));
    this.features = new Float32Array(RING * layers * experts * FEATURES);
    this.likeness = new Float64Array(RING * layers);
    this.featuresOf = new Int32Array(RING * layers).fill(-1);
    this.before = new Int32Array(experts);
    this.expected = new Float64Array(experts);
    this.followed = new Float64Array(experts);
  }

  /** Scores of so many layers [layers, experts], kept up to date. */
  scoresFrom(layer: number, layers: number): Float64Array {
    return this.scores.subarray(layer * this.experts, (layer + layers) * this.experts);
  }

  /** Events of a layer so far. */
  events(layer: number): number {
    return this.seen[layer] as number;
  }

  /** Goes on from here: what the history was told of in the meantime is not learnt from. */
  resume(layer: number): void {
    this.seen[layer] = Math.max(this.events(layer), this.history.events(layer));
  }

  /** Takes an event, see RoutingHistory.observe. */
  observe(layer: number, active: ArrayLike<number>, count: number, event: number): void {
    if (event <= (this.seen[layer] as number)) return;
    this.seen[layer] = event;
    this.history.observe(layer, active, count, event);
    if (count === 0) return;
    const { pass } = this.history;
    const size = this.usualSize[layer] as number;
    this.usualSize[layer] = size === 0 || count < size ? count : size + SIZE_GROWTH * (count - size);
    this.count(layer, active, count, pass);
    this.learn(layer, pass - HORIZON);
    const transitions = this.transitions[layer] as Transitions;
    const before = this.history.lastSet(layer, this.before);
    for (let i = 0; i < before; i++) transitions.add(this.before[i] as number, active, count);
    transitions.follow(active, count, this.followed);
    this.history.findNearest();
    this.history.expectUse(layer, this.expected);
    this.score(layer, pass);
  }

  private count(layer: number, active: ArrayLike<number>, count: number, pass: number): void {
    const { counts, logCounts, lastPass } = this;
    for (let i = 0; i < count; i++) {
      const at = layer * this.experts + (active[i] as number);
      const uses = (counts[at] as number) + 1;
      counts[at] = uses;
      logCounts[at] = Math.log(uses + 0.5);
      lastPass[at] = pass;
    }
  }

  /** Compares what was foreseen in a past pass with what was used since, the present event included. */
  private learn(layer: number, past: number): void {
    const { experts, features, lastPass, weights, gradient, squares } = this;
    const slot = (past + RING) % RING;
    if (past < 0 || this.featuresOf[slot * this.layers + layer] !== past) return;
    const likeness = this.likeness[slot * this.layers + layer] as number;
    const [w0, w1, w2, w3, w4, w5] = weights as unknown as [number, number, number, number, number, number];
    const echoWeight = w4 + w5 * likeness;
    let [g0, g1, g2, g3, g4] = [0, 0, 0, 0, 0];
    const rate = (this.usualSize[layer] as number) / experts;
    const frequencyBase = Math.log(rate);
    const transitionBase = Math.log(TRANSITION_FLOOR + rate);
    const echoBase = Math.log(ECHO_FLOOR + rate);
    let at = (slot * this.layers + layer) * experts * FEATURES;
    for (let expert = 0; expert < experts; expert++, at += FEATURES) {
      const x1 = (features[at] as number) - frequencyBase;
      const x2 = features[at + 1] as number;
      const x3 = (features[at + 2] as number) - transitionBase;
      const x4 = (features[at + 3] as number) - echoBase;
      const z = w0 + w1 * x1 + w2 * x2 + w3 * x3 + echoWeight * x4;
      const used = (lastPass[layer * experts + expert] as number) > past ? 1 : 0;
      const error = 1 / (1 + Math.exp(-z)) - used;
      g0 += error;
      g1 += error * x1;
      g2 += error * x2;
      g3 += error * x3;
      g4 += error * x4;
    }
    gradient.set([g0, g1, g2, g3, g4, g4 * likeness]);
    for (let i = 0; i < gradient.length; i++) {
      const g = (gradient[i] as number) / experts;
      squares[i] = (squares[i] as number) + g * g;
      weights[i] = (weights[i] as number) - (RATE * g) / (Math.sqrt(squares[i] as number) + 1e-4);
    }
  }

  private score(layer: number, pass: number): void {
    const { experts, features, followed, expected, logCounts, lastPass, weights, scores } = this;
    const { likeness } = this.history;
    const passes = Math.log(pass + 1);
    const noTransition = Math.log(TRANSITION_FLOOR);
    const noEcho = Math.log(ECHO_FLOOR);
    const [w0, w1, w2, w3, w4, w5] = weights as unknown as [number, number, number, number, number, number];
    const echoWeight = w4 + w5 * likeness;
    const rate = (this.usualSize[layer] as number) / experts;
    const level =
      w0 - w1 * Math.log(rate) - w3 * Math.log(TRANSITION_FLOOR + rate) - echoWeight * Math.log(ECHO_FLOOR + rate);
    const slot = pass % RING;
    this.featuresOf[slot * this.layers + layer] = pass;
    this.likeness[slot * this.layers + layer] = likeness;
    let at = (slot * this.layers + layer) * experts * FEATURES;
    for (let expert = 0; expert < experts; expert++, at += FEATURES) {
      const index = layer * experts + expert;
      const x1 = (logCounts[index] as number) - passes;
      // Never used: lastPass is -1, and the age pass + 1.
      const age = pass - (lastPass[index] as number);
      const x2 = -(age < LOG_AGES.length ? (LOG_AGES[age] as number) : Math.log(age + 1));
      const follow = followed[expert] as number;
      const x3 = follow === 0 ? noTransition : Math.log(follow + TRANSITION_FLOOR);
      const use = expected[expert] as number;
      const x4 = use === 0 ? noEcho : Math.log(use + ECHO_FLOOR);
      features[at] = x1;
      features[at + 1] = x2;
      features[at + 2] = x3;
      features[at + 3] = x4;
      scores[index] = level + w1 * x1 + w2 * x2 + w3 * x3 + echoWeight * x4;
    }
  }
}
