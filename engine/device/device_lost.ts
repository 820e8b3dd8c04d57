/**
 * A device does not answer any more or has no memory left: it was taken away, reset, or its driver gave up. No setting is at fault, and
 * what a run has recorded stays.
 */
export class DeviceLost extends Error {
  override readonly name = 'DeviceLost';

  /** @param reason in words */
  constructor(
    readonly device: string,
    readonly reason: string,
  ) {
    super(`${device} was lost: ${reason}`);
  }
}

/** What execution providers and graphics drivers say of a device that is gone or full, and how we say it. */
const LOSSES: readonly (readonly [RegExp, string])[] = [
  [/device[ _](is |was )?lost|device[ _]?(removed|hung|reset)|context is lost/i, 'its driver says that it is gone'],
  [
    /out[ _]of[ _](device[ _]|host[ _])?memory|bad[ _]alloc|failed to allocate|alloc(ation)?[ _]failed/i,
    'it has no memory left',
  ],
  [/\b(CUDA|CUBLAS|CUDNN) (failure|error)\b/, 'its driver failed'],
];

/** Why a device was lost, where the error of a provider says that it was; undefined for any other error. */
export function lossIn(error: unknown): string | undefined {
  if (error instanceof DeviceLost) return error.reason;
  const message = error instanceof Error ? error.message : String(error);
  const says = LOSSES.find(([pattern]) => pattern.test(message))?.[1];
  return says && `${says} (${inShort(message)})`;
}

/** ONNX Runtime puts C++ places and templates before what CUDA says, and the host's name behind it. */
const CUDA_SAYS =
  /\b(?:CUDA|CUBLAS|CUDNN) failure \d+: [^;\n]*|Failed to allocate memory for requested buffer of size \d+/;

function inShort(message: string): string {
  const [line = ''] = CUDA_SAYS.exec(message)?.[0].trim().split('\n') ?? message.split('\n');
  return line.length > 160 ? `${line.slice(0, 160)}...` : line;
}
