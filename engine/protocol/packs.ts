/** All of them, and the folder that they are in. */
export interface Packs {
  readonly folder: string;
  readonly packs: readonly PackInfo[];
}

/** An expert pack on disk: experts of one model at one precision, converted once. */
export interface PackInfo {
  /** Of its folder. */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** Begun ones are gone on with when they are wanted again. */
  readonly complete: boolean;
  /** A run reads from it. */
  readonly inUse: boolean;
  /** Of complete ones. */
  readonly model?: string;
  readonly precision?: 'fp32' | 'fp16' | 'int8' | 'int4';
}
