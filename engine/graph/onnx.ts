import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/**
 * Writes ONNX models (onnx.proto3, IR version 10) straight onto the protobuf wire.
 * Rejected: onnx-proto, which drags in an outdated protobufjs and builds an object tree of every tensor first.
 * Weights never enter the file: they are external data, which ONNX Runtime loads seven times faster than inline bytes.
 */

export type ElementType = 'float32' | 'float16' | 'uint8' | 'int64' | 'int32';
const ELEMENT_CODE: Record<ElementType, number> = { float32: 1, uint8: 2, int32: 6, int64: 7, float16: 10 };

/** A dimension: a number, or a name where it varies between runs. */
export type Dim = number | string;
export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly graph: Uint8Array };

const MICROSOFT = 'com.microsoft';
/** Operators of ONNX Runtime's own domain; all others are standard ones. */
const CONTRIB = new Set([
  'FusedMatMul',
  'MatMulNBits',
  'QuickGelu',
  'SkipLayerNormalization',
  'SkipSimplifiedLayerNormalization',
  'ContribRotaryEmbedding',
]);

export interface ExternalWeights {
  /** Key under which the bytes are given to the session, or a file name beside the model. */
  readonly location: string;
  readonly offsetBytes: number;
  readonly byteLength: number;
}

interface Node {
  readonly name: string;
  readonly outputs: readonly string[];
  readonly bytes: Uint8Array;
}

export class GraphBuilder {
  /** Of the graph, or of the branch that is being written. */
  private nodes: Node[] = [];
  private readonly inputs: Uint8Array[] = [];
  private readonly outputs = new Map<string, Uint8Array>();
  private readonly initializers: Uint8Array[] = [];
  private readonly constants = new Map<string, string>();
  private made = new Map<string, string>();
  private nextName = 0;
  /** Choices between branches so far. */
  branches = 0;

  /** @param weightsInPlace whether large weights are used where they lie, as a processor can; see in_place.ts */
  constructor(readonly weightsInPlace = true) {}

  input(name: string, type: ElementType, dims: readonly Dim[]): string {
    this.inputs.push(valueInfo(name, type, dims));
    return name;
  }

  output(name: string, type: ElementType, dims: readonly Dim[]): void {
    this.outputs.set(name, valueInfo(name, type, dims));
  }

  /** Adds a node with one output and returns the output's name. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Record<string, AttributeValue> = {},
    output?: string,
  ): string {
    return this.nodeOutputs(op, inputs, [output ?? `${op}_${this.nextName++}`], attributes)[0] as string;
  }

  /** Adds a node with named outputs; an empty name leaves that output out. */
  nodeOutputs(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Record<string, AttributeValue> = {},
  ): readonly string[] {
    const writer = new BinaryWriter();
    for (const input of inputs) writer.tag(1, WireType.LengthDelimited).string(input);
    for (const output of outputs) writer.tag(2, WireType.LengthDelimited).string(output);
    const name = `${op}#${this.nodes.length}`;
    writer.tag(3, WireType.LengthDelimited).string(name);
    writer.tag(4, WireType.LengthDelimited).string(op === 'ContribRotaryEmbedding' ? 'RotaryEmbedding' : op);
    for (const [key, value] of Object.entries(attributes)) {
      writer.tag(5, WireType.LengthDelimited).bytes(attribute(key, value));
    }
    if (CONTRIB.has(op)) writer.tag(7, WireType.LengthDelimited).string(MICROSOFT);
    this.nodes.push({ name, outputs, bytes: writer.finish() });
    return outputs;
  }

  /** A node with one output that is written once, however often the same is asked for. */
  once(op: string, inputs: readonly string[]): string {
    const key = `${op}(${inputs.join()})`;
    const made = this.made.get(key) ?? this.node(op, inputs);
    this.made.set(key, made);
    return made;
  }

  /**
   * What one of two branches gives, by a condition [1]; only that one runs. Each returns the name of a value that it makes.
   * A branch sees all that was made before it.
   */
  either(condition: string, then: () => string, otherwise: () => string, output?: string): string {
    this.branches++;
    const attributes = { then_branch: { graph: this.branch(then) }, else_branch: { graph: this.branch(otherwise) } };
    return this.node('If', [condition], attributes, output);
  }

  private branch(write: () => string): Uint8Array {
    const { nodes, made } = this;
    this.nodes = [];
    this.made = new Map(made);
    const result = write();
    const graph = new BinaryWriter();
    for (const { bytes } of this.nodes) graph.tag(1, WireType.LengthDelimited).bytes(bytes);
    graph.tag(2, WireType.LengthDelimited).string('branch');
    graph.tag(12, WireType.LengthDelimited).bytes(untyped(result));
    this.nodes = nodes;
    this.made = made;
    return graph.finish();
  }

  /** A float16 weight as float32. */
  widened(half: string): string {
    return this.node('Cast', [half], { to: ELEMENT_CODE.float32 });
  }

  /** A small int64 vector inside the model (shapes, axes); equal ones are shared. */
  int64s(values: readonly number[]): string {
    const key = `i64:${values.join(',')}`;
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    const name = `const_${this.constants.size}`;
    this.initializers.push(
      tensor(name, 'int64', [values.length], (writer) => writer.tag(9, WireType.LengthDelimited).bytes(bytes)),
    );
    this.constants.set(key, name);
    return name;
  }

  /** A float32 scalar inside the model. */
  float(value: number): string {
    const key = `f32:${value}`;
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(Float32Array.of(value).buffer);
    const name = `const_${this.constants.size}`;
    this.initializers.push(
      tensor(name, 'float32', [], (writer) => writer.tag(9, WireType.LengthDelimited).bytes(bytes)),
    );
    this.constants.set(key, name);
    return name;
  }

  /** A weight whose bytes are given to the session from outside. */
  external(name: string, dims: readonly number[], weights: ExternalWeights, type: ElementType = 'float32'): string {
    this.initializers.push(
      tensor(name, type, dims, (writer) => {
        for (const [key, value] of [
          ['location', weights.location],
          ['offset', String(weights.offsetBytes)],
          ['length', String(weights.byteLength)],
        ] as const) {
          const entry = new BinaryWriter();
          entry.tag(1, WireType.LengthDelimited).string(key);
          entry.tag(2, WireType.LengthDelimited).string(value);
          writer.tag(13, WireType.LengthDelimited).bytes(entry.finish());
        }
        writer.tag(14, WireType.Varint).int32(1);
      }),
    );
    return name;
  }

  get outputNames(): readonly string[] {
    return [...this.outputs.keys()];
  }

  get nodeCount(): number {
    return this.nodes.length;
  }

  nodeName(index: number): string {
    return this.nodes[index]?.name ?? '';
  }

  /**
   * The model's bytes.
   * @param count only the graph's beginning of so many nodes, with the last one's results for outputs: to ask where it can run
   */
  finish(count = this.nodes.length): Uint8Array {
    const graph = new BinaryWriter();
    const nodes = this.nodes.slice(0, count);
    for (const { bytes } of nodes) graph.tag(1, WireType.LengthDelimited).bytes(bytes);
    graph.tag(2, WireType.LengthDelimited).string('moe-studio');
    for (const initializer of this.initializers) graph.tag(5, WireType.LengthDelimited).bytes(initializer);
    for (const input of this.inputs) graph.tag(11, WireType.LengthDelimited).bytes(input);
    const outputs =
      count === this.nodes.length ? this.outputs.values() : (nodes.at(-1)?.outputs ?? []).filter(Boolean).map(untyped);
    for (const output of outputs) graph.tag(12, WireType.LengthDelimited).bytes(output);
    const model = new BinaryWriter();
    model.tag(1, WireType.Varint).int64(10);
    model.tag(2, WireType.LengthDelimited).string('moe-studio');
    model.tag(7, WireType.LengthDelimited).bytes(graph.finish());
    for (const [domain, version] of [
      ['', 21],
      [MICROSOFT, 1],
    ] as const) {
      const opset = new BinaryWriter();
      opset.tag(1, WireType.LengthDelimited).string(domain);
      opset.tag(2, WireType.Varint).int64(version);
      model.tag(8, WireType.LengthDelimited).bytes(opset.finish());
    }
    return model.finish();
  }
}

function tensor(
  name: string,
  type: ElementType,
  dims: readonly number[],
  writeData: (writer: BinaryWriter) => void,
): Uint8Array {
  const writer = new BinaryWriter();
  for (const dim of dims) writer.tag(1, WireType.Varint).int64(dim);
  writer.tag(2, WireType.Varint).int32(ELEMENT_CODE[type]);
  writer.tag(8, WireType.LengthDelimited).string(name);
  writeData(writer);
  return writer.finish();
}

function valueInfo(name: string, type: ElementType, dims: readonly Dim[]): Uint8Array {
  const shape = new BinaryWriter();
  for (const dim of dims) {
    const writer = new BinaryWriter();
    if (typeof dim === 'number') writer.tag(1, WireType.Varint).int64(dim);
    else writer.tag(2, WireType.LengthDelimited).string(dim);
    shape.tag(1, WireType.LengthDelimited).bytes(writer.finish());
  }
  const tensorType = new BinaryWriter();
  tensorType.tag(1, WireType.Varint).int32(ELEMENT_CODE[type]);
  tensorType.tag(2, WireType.LengthDelimited).bytes(shape.finish());
  const typeProto = new BinaryWriter();
  typeProto.tag(1, WireType.LengthDelimited).bytes(tensorType.finish());
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(name);
  writer.tag(2, WireType.LengthDelimited).bytes(typeProto.finish());
  return writer.finish();
}

/** A value whose type the runtime finds by itself. */
function untyped(name: string): Uint8Array {
  return new BinaryWriter().tag(1, WireType.LengthDelimited).string(name).finish();
}

/** Attribute types of AttributeProto: FLOAT 1, INT 2, STRING 3, GRAPH 5, INTS 7. Floats are wrapped, since 1 and 1.0 look alike here. */
function attribute(name: string, value: AttributeValue): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(name);
  if (typeof value === 'number') {
    writer.tag(3, WireType.Varint).int64(value);
    writer.tag(20, WireType.Varint).int32(2);
  } else if (typeof value === 'string') {
    writer.tag(4, WireType.LengthDelimited).string(value);
    writer.tag(20, WireType.Varint).int32(3);
  } else if ('float' in value) {
    writer.tag(2, WireType.Bit32).float(value.float);
    writer.tag(20, WireType.Varint).int32(1);
  } else if ('graph' in value) {
    writer.tag(6, WireType.LengthDelimited).bytes(value.graph);
    writer.tag(20, WireType.Varint).int32(5);
  } else {
    for (const entry of value) writer.tag(8, WireType.Varint).int64(entry);
    writer.tag(20, WireType.Varint).int32(7);
  }
  return writer.finish();
}
