import { defineHandler } from "../handler.ts";
import { apiVersionsApi } from "../wire/messages/api_versions.ts";
import { KAFKA_ERRORS } from "../wire/error_codes.ts";

/** KIP-511: what a client may call itself. */
const SOFTWARE_NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;
/** The first version whose body names the client. */
const SOFTWARE_NAME_VERSION = 3;

/** What this listener serves. A client may ask on each connection, and again later. */
export const apiVersionsHandler = defineHandler(apiVersionsApi, {
  handle(request, { apiVersion, apis, connection }) {
    const { clientSoftwareName, clientSoftwareVersion } = request;
    if (apiVersion >= SOFTWARE_NAME_VERSION) {
      if (!SOFTWARE_NAME.test(clientSoftwareName) || !SOFTWARE_NAME.test(clientSoftwareVersion)) {
        return { errorCode: KAFKA_ERRORS.INVALID_REQUEST, apiKeys: [] };
      }
      connection.clientSoftwareName = clientSoftwareName;
      connection.clientSoftwareVersion = clientSoftwareVersion;
    }
    return { errorCode: KAFKA_ERRORS.NONE, apiKeys: apis };
  },
  fail: (_request, { errorCode }) => ({ errorCode, apiKeys: [] }),
});
