import { SentinelError } from "../base/errors.ts";

/** Whether only this machine can reach a listener on `host`. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** There is no authentication yet: whoever reaches a listener may do everything. That must be somebody's decision. */
export function assertMayListen(host: string, insecure: boolean): void {
  if (insecure || isLoopbackHost(host)) return;
  throw new SentinelError(
    "invalid_parameter",
    `The host ${host} can be reached from other machines, and there is no authentication yet: ` +
      "give --insecure to allow it, or use --host 127.0.0.1",
  );
}
