import { Tensor } from 'onnxruntime-node';
import type { ElementType, GraphBuilder } from '../../graph/onnx.ts';
import { WebGpuGraphBuilder } from '../../graph/webgpu_builder.ts';
import { int64s, type RuntimeMeter } from '../tensors.ts';
import { type SessionParts, WebGpuSession } from './session.ts';

type Write = (builder: GraphBuilder) => void;

/**
 * Moves rows into, within and out of a device's memory. ONNX Runtime gives no other access to a device's buffers than running
 * graphs, so each movement is a graph of one or two nodes, opened when it is first wanted. None of them may have a dimension of 0.
 */
export class WebGpuMemory {
  private readonly sessions = new Map<string, Promise<WebGpuSession>>();
  /** Bytes that went to the device and came back, weights left out. */
  readonly moved = { there: 0, back: 0 };
  private mark: Tensor | undefined;

  constructor(readonly meter: RuntimeMeter) {}

  /** Copies `data` to the device; it may be used again at once. Its last two dimensions are swapped where `transposed`. */
  async upload(
    type: ElementType,
    data: Float32Array | Uint16Array | Uint8Array,
    dims: readonly number[],
    transposed = false,
  ): Promise<Tensor> {
    const rank = dims.length;
    const session = await this.open(`upload ${type} ${rank} ${transposed}`, (builder) => {
      const axes = dims.map((_, axis) => axis);
      builder.input('x', type, names('x', rank));
      if (transposed) builder.node('Transpose', ['x'], { perm: [...axes.slice(0, -2), rank - 1, rank - 2] }, 'y');
      // A copy in the same shape: Identity does not run there on bytes.
      else builder.node('Reshape', ['x', builder.int64s(dims.map(() => 0))], {}, 'y');
      builder.output('y', type, names('y', rank));
    });
    this.moved.there += data.byteLength;
    return (await session.run({ x: new Tensor(type as 'uint8', data as Uint8Array, dims) })).y as Tensor;
  }

  /** Whether the card computes in float16. It says so only when a program that needs it is compiled. */
  async hasHalves(): Promise<boolean> {
    const session = await this.open('float16', (builder) => {
      builder.input('x', 'float32', ['n']);
      builder.node('Cast', ['x'], { to: 10 }, 'y');
      builder.output('y', 'float16', ['n']);
    });
    try {
      (await session.run({ x: new Tensor('float32', new Float32Array(1), [1]) })).y?.dispose();
      return true;
    } catch (error) {
      if (error instanceof Error && error.message.includes('requires f16')) return false;
      throw error;
    }
  }

  /** Waits for all that is queued. */
  async settle(): Promise<void> {
    this.mark ??= await this.zeros([1]);
    await this.download(this.mark);
  }

  /** Waits for what was queued before. */
  async download(tensor: Tensor): Promise<Float32Array> {
    const rank = tensor.dims.length;
    const write: Write = (builder) => {
      builder.input('x', 'float32', names('x', rank));
      builder.node('Identity', ['x'], {}, 'y');
      builder.output('y', 'float32', names('x', rank));
    };
    const session = await this.open(`download ${rank}`, write, { back: ['y'] });
    const data = (await session.run({ x: tensor })).y?.data as Float32Array;
    this.moved.back += data.byteLength;
    return data;
  }

  /** Zeros. */
  async zeros(dims: readonly number[]): Promise<Tensor> {
    const rank = dims.length;
    const session = await this.open(`zeros ${rank}`, (builder) => {
      builder.input('shape', 'int64', [rank]);
      builder.node('Expand', [builder.float(0), 'shape'], {}, 'y');
      builder.output('y', 'float32', names('y', rank));
    });
    return (await session.run({ shape: int64s(dims, [rank]) })).y as Tensor;
  }

  /** Several matrices of `width` columns, of any rank, as one: rows one below the other. */
  async stack(parts: readonly Tensor[], width: number): Promise<Tensor> {
    const ranks = parts.map((part) => part.dims.length);
    const session = await this.open(`stack ${ranks} ${width}`, (builder) => {
      const flat = ranks.map((rank, index) => {
        builder.input(`x${index}`, 'float32', [...names(`x${index}_`, rank - 1), width]);
        return rank === 2 ? `x${index}` : builder.node('Reshape', [`x${index}`, builder.int64s([-1, width])]);
      });
      if (flat.length === 1) builder.node('Identity', flat, {}, 'y');
      else builder.node('Concat', flat, { axis: 0 }, 'y');
      builder.output('y', 'float32', ['n', width]);
    });
    const feeds = Object.fromEntries(parts.map((part, index) => [`x${index}`, part]));
    return (await session.run(feeds)).y as Tensor;
  }

  /** Rows of a matrix [n, width] in the order of `index`. */
  async gather(matrix: Tensor, index: Int32Array): Promise<Tensor> {
    const session = await this.open('gather', (builder) => {
      builder.input('x', 'float32', ['n', 'w']);
      builder.input('index', 'int32', ['m']);
      builder.node('Gather', ['x', 'index'], { axis: 0 }, 'y');
      builder.output('y', 'float32', ['m', 'w']);
    });
    return (await session.run({ x: matrix, index: int32s(index) })).y as Tensor;
  }

  /** matrix[places[i]] = rows[i], written in place: rows of this process's memory [n, width], matrix [m, width]. */
  async place(rows: Float32Array, places: Int32Array, matrix: Tensor): Promise<void> {
    const write: Write = (builder) => {
      builder.input('matrix', 'float32', ['m', 'w']);
      builder.input('places', 'int64', ['n', 1]);
      builder.input('rows', 'float32', ['n', 'w']);
      builder.node('ScatterND', ['matrix', 'places', 'rows'], {}, 'written');
      builder.output('written', 'float32', ['m', 'w']);
    };
    const session = await this.open('place', write, { inPlace: true });
    this.moved.there += rows.byteLength;
    const feeds = {
      matrix,
      places: int64Column(places),
      rows: new Tensor('float32', rows, [places.length, rows.length / places.length]),
    };
    await session.runInPlace(feeds, 'written', matrix);
  }

  /** @param open a session for a graph, written and opened once under its key */
  open(key: string, write: Write, parts: Omit<SessionParts, 'meter'> = {}): Promise<WebGpuSession> {
    let session = this.sessions.get(key);
    if (session === undefined) {
      const builder = new WebGpuGraphBuilder();
      write(builder);
      session = WebGpuSession.create(key, builder, builder.finish(), { meter: this.meter, ...parts });
      this.sessions.set(key, session);
    }
    return session;
  }

  async close(): Promise<void> {
    this.mark?.dispose();
    this.mark = undefined;
    for (const session of this.sessions.values()) await (await session).release();
    this.sessions.clear();
  }
}

export function int32s(values: Int32Array, dims: readonly number[] = [values.length]): Tensor {
  return new Tensor('int32', values, dims);
}

/** Row numbers for ScatterND [n, 1]. */
export function int64Column(values: Int32Array): Tensor {
  const wide = new BigInt64Array(values.length);
  // The low halves, little-endian as everywhere that this runs: numbers are not made into BigInts one by one.
  const halves = new Int32Array(wide.buffer);
  for (let at = 0; at < values.length; at++) halves[2 * at] = values[at] as number;
  return new Tensor('int64', wide, [values.length, 1]);
}

/** Names for dimensions that vary. */
function names(prefix: string, rank: number): string[] {
  return Array.from({ length: rank }, (_, axis) => `${prefix}${axis}`);
}
