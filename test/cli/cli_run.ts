/** Runs the CLI against a fake broker behind a real socket. */
import { NativeSession } from "../../src/protocols/native/native_session.ts";
import { BinaryListener } from "../../src/server/binary_listener.ts";
import { type CliParts, runCli } from "../../src/cli/main.ts";
import { currentPlatform } from "../adapters/current.ts";
import { FakeBroker } from "../protocols/fake_broker.ts";
import { FakeTerminal, type FakeTerminalOptions } from "./fake_terminal.ts";

export const platform = currentPlatform();

/** Parts for commands that need none of them. */
export const noParts: CliParts = {
  startServer: () => Promise.reject(new Error("not used")),
  logTools: {
    dumpSegment: () => Promise.reject(new Error("not used")),
    verifyDataDirectory: () => Promise.reject(new Error("not used")),
  },
};

export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly errors: string;
}

/** One run from arguments to exit code. */
export async function cli(
  args: readonly string[],
  options: FakeTerminalOptions = {},
  parts: CliParts = noParts,
): Promise<CliResult> {
  const terminal = new FakeTerminal(args, options);
  const code = await runCli(platform, terminal, parts);
  return { code, out: terminal.out, errors: terminal.errors };
}

export async function openBroker(broker: FakeBroker = new FakeBroker()) {
  const { network, clock, compression } = platform;
  const listener = await BinaryListener.open({
    network,
    clock,
    address: { host: "127.0.0.1", port: 0 },
    openNativeSession: () => new NativeSession({ broker, clock, compression, brokerName: "sentinel/test", nodeId: 1 }),
    openKafkaSession: () => {
      throw new Error("A native client sent a frame of Kafka's");
    },
    log: () => {},
  });
  const address = `127.0.0.1:${listener.address.port}`;
  return {
    broker,
    address,
    /** A command with `-broker`. */
    run: (args: readonly string[], options?: FakeTerminalOptions) => cli([...args, "-broker", address], options),
    /** A command that goes on until it is stopped. */
    start: (args: readonly string[], options?: FakeTerminalOptions) => {
      const terminal = new FakeTerminal([...args, "-broker", address], options);
      return { terminal, code: runCli(platform, terminal, noParts) };
    },
    close: () => listener.stop(1_000),
  };
}
