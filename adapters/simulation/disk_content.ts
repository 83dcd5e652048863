/** The bytes of a file. A copy shares them until one of the two is written to: images of a disk cost little. */
export class Content {
  #bytes: Uint8Array = new Uint8Array(0);
  #isShared = false;
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** All bytes. Not to be changed. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#sizeBytes);
  }

  read(position: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.#sizeBytes - position));
    if (count > 0) into.set(this.#bytes.subarray(position, position + count));
    return count;
  }

  /** Grows over its end; what lies between reads as zeros. */
  write(position: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#own(position + bytes.length);
    this.#bytes.set(bytes, position);
    this.#sizeBytes = Math.max(this.#sizeBytes, position + bytes.length);
  }

  resize(sizeBytes: number): void {
    if (sizeBytes === this.#sizeBytes) return;
    this.#own(sizeBytes);
    // What grows again over a cut must be zeros.
    if (sizeBytes < this.#sizeBytes) this.#bytes.fill(0, sizeBytes, this.#sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  copy(): Content {
    const copy = new Content();
    copy.#bytes = this.#bytes;
    copy.#sizeBytes = this.#sizeBytes;
    copy.#isShared = this.#isShared = true;
    return copy;
  }

  #own(capacityBytes: number): void {
    if (!this.#isShared && this.#bytes.length >= capacityBytes) return;
    const isTooSmall = this.#bytes.length < capacityBytes;
    const bytes = new Uint8Array(isTooSmall ? Math.max(capacityBytes, 2 * this.#sizeBytes, 512) : this.#bytes.length);
    bytes.set(this.#bytes.subarray(0, this.#sizeBytes));
    this.#bytes = bytes;
    this.#isShared = false;
  }
}
