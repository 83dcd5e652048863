/** Node.js 20 has no Promise.withResolvers, which @platformatic/kafka calls; all else that it needs is there. */
Promise.withResolvers ??= function () {
  let resolve;
  let reject;
  const promise = new Promise((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
};
