import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Kafka's own tools one after the other in one JVM, whose start costs more than most of them: a line of standard
 * input is a command, `class TAB base64 of the tool's standard input TAB argument…`; the answer is a line `exit code TAB
 * base64 of its standard output TAB base64 of its standard error`.
 */
public final class KafkaTools {
    private static final long RUN_MS_MAX = 60_000;
    private static final int CUT_OFF = 124;

    public static void main(String[] args) throws Exception {
        PrintStream answers = System.out;
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            String[] parts = line.split("\t", -1);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            ByteArrayOutputStream errors = new ByteArrayOutputStream();
            System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(errors, true, StandardCharsets.UTF_8));
            System.setIn(new ByteArrayInputStream(Base64.getDecoder().decode(parts[1])));
            int code = run(parts[0], Arrays.copyOfRange(parts, 2, parts.length));
            answers.println(code + "\t" + encoded(out) + "\t" + encoded(errors));
            answers.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    private static String encoded(ByteArrayOutputStream bytes) {
        return Base64.getEncoder().encodeToString(bytes.toByteArray());
    }

    private static int run(String tool, String[] args) throws Exception {
        CompletableFuture<Integer> code = new CompletableFuture<>();
        // Nothing of a tool runs after its exit, as nothing would run in a process that has ended.
        Exit.Procedure leave = (status, message) -> {
            code.complete(status);
            while (true) LockSupport.park();
        };
        Exit.setExitProcedure(leave);
        Exit.setHaltProcedure(leave);
        Thread thread = new Thread(() -> code.complete(exitCodeOf(tool, args)));
        thread.setDaemon(true);
        thread.start();
        try {
            return code.get(RUN_MS_MAX, TimeUnit.MILLISECONDS);
        } catch (TimeoutException late) {
            return CUT_OFF;
        }
    }

    private static int exitCodeOf(String tool, String[] args) {
        try {
            Method main = Class.forName(tool).getMethod("main", String[].class);
            main.invoke(null, (Object) args);
            return 0;
        } catch (InvocationTargetException thrown) {
            thrown.getCause().printStackTrace();
            return 1;
        } catch (ReflectiveOperationException missing) {
            missing.printStackTrace();
            return 1;
        }
    }
}
