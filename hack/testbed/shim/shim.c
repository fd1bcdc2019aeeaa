/*
 * A PKCS#11 module in front of another one. It does what the files beside it say:
 *
 *   real.so  the module behind
 *   conf     becomes SOFTHSM2_CONF when the module behind is initialized
 *   guard    the path of a file to lock meanwhile, as the environment is the process's
 *   control  the faults, read at every call
 *   calls    gets a line for every call: its name and what it returned
 */
#define _GNU_SOURCE
#include "cryptoki.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static struct function_list *real;
static struct function_list ours;
static char folder[PATH_MAX - 16];

enum {
    FLAGS_OF_TOKEN = 32 + 32 + 16 + 16,
    FINAL_TRY = 0x20000,
    PIN_INCORRECT = 0xA0,
    MAY_SIGN = 0x108
};

static const char *beside(const char *name, char *path) {
    snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return path;
}

static void pause_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static number called(const char *name, number result) {
    char path[PATH_MAX], line[128];
    int file = open(beside("calls", path), O_WRONLY | O_APPEND | O_CREAT, 0600);
    int length = snprintf(line, sizeof line, "%s 0x%lx\n", name, result);
    if (file >= 0) {
        if (write(file, line, length) < 0) perror("calls");
        close(file);
    }
    return result;
}

/* Whether the control file has a line `fault name`, or `fault name argument`. */
static int injected(const char *fault, const char *name, number *argument) {
    char path[PATH_MAX], line[128], first[32], second[64], third[32];
    FILE *file = fopen(beside("control", path), "r");
    int found = 0;
    while (file && !found && fgets(line, sizeof line, file)) {
        int words = sscanf(line, "%31s %63s %31s", first, second, third);
        found = words >= 1 && !strcmp(first, fault) &&
                (!name || (words >= 2 && !strcmp(second, name)));
        const char *text = name ? third : second;
        if (found && argument && words >= (name ? 3 : 2)) *argument = strtoul(text, NULL, 0);
    }
    if (file) fclose(file);
    return found;
}

/* Closes every session of every slot, as a token does that is taken out. */
static void close_all(void) {
    number slots[64], count = 64;
    if (real->functions[GET_SLOT_LIST]((unsigned char)1, slots, &count) != OK) return;
    for (number i = 0; i < count; i++) real->functions[CLOSE_ALL_SESSIONS](slots[i]);
}

/* The number of the last thing that was done once; those before the module was loaded count. */
static number done;

/* What happens once for each new number after its name. */
static void once(number session) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    number serial = 0;
    pthread_mutex_lock(&lock);
    if (injected("logout", NULL, &serial) && serial > done) {
        done = serial;
        if (session) real->functions[LOGOUT](session);
    } else if (injected("close", NULL, &serial) && serial > done) {
        done = serial;
        close_all();
    } else if (injected("finalize", NULL, &serial) && serial > done) {
        done = serial;
        real->functions[FINALIZE](NULL);
    }
    pthread_mutex_unlock(&lock);
}

/* Injects the faults before a call; a value other than OK is returned instead. */
static number before(const char *name, number session, number removed) {
    number ms = 0, result = GENERAL_ERROR;
    while (injected("hang", name, NULL)) pause_ms(10);
    if (injected("crash", name, NULL)) {
        called(name, GENERAL_ERROR);
        signal(SIGSEGV, SIG_DFL);
        *(volatile int *)NULL = 0;
    }
    if (injected("delay_ms", name, &ms)) pause_ms((long)ms);
    once(session);
    if (removed && injected("remove", NULL, NULL)) {
        close_all();
        return removed;
    }
    return injected("fail", name, &result) ? result : OK;
}

#define WRAP(name, place, session, removed, parameters, arguments)      \
    static number wrapped_##place parameters {                          \
        number result = before(name, session, removed);                 \
        if (result == OK) result = real->functions[place] arguments;    \
        return called(name, result);                                    \
    }

WRAP("C_OpenSession", OPEN_SESSION, 0, TOKEN_NOT_PRESENT,
     (number slot, number flags, void *app, void *notify, number *session),
     (slot, flags, app, notify, session))
WRAP("C_CloseSession", CLOSE_SESSION, 0, 0, (number session), (session))
WRAP("C_GetSessionInfo", GET_SESSION_INFO, session, DEVICE_REMOVED,
     (number session, void *info), (session, info))
WRAP("C_FindObjectsInit", FIND_OBJECTS_INIT, session, DEVICE_REMOVED,
     (number session, void *attributes, number count), (session, attributes, count))
WRAP("C_SignInit", SIGN_INIT, session, DEVICE_REMOVED,
     (number session, void *mechanism, number key), (session, mechanism, key))

/* How many wrong PINs there were since the last right one. */
static _Atomic number wrong_pins;

static number wrapped_LOGIN(number session, number user, void *pin, number length) {
    number result = before("C_Login", session, DEVICE_REMOVED);
    if (result == OK) result = real->functions[LOGIN](session, user, pin, length);
    if (result == OK) wrong_pins = 0;
    if (result == PIN_INCORRECT) wrong_pins++;
    return called("C_Login", result);
}

struct attribute {
    number type;
    unsigned char *value;
    number length;
};

static number wrapped_GET_ATTRIBUTE_VALUE(number session, number object,
                                          struct attribute *attributes, number count) {
    number result = before("C_GetAttributeValue", session, DEVICE_REMOVED);
    if (result == OK)
        result = real->functions[GET_ATTRIBUTE_VALUE](session, object, attributes, count);
    if (result == OK && injected("nosign", NULL, NULL))
        for (number i = 0; i < count; i++)
            if (attributes[i].type == MAY_SIGN && attributes[i].value && attributes[i].length == 1)
                *attributes[i].value = 0;
    return called("C_GetAttributeValue", result);
}

/* The flags stand after label, manufacturer, model and serial number (CK_TOKEN_INFO). */
static number wrapped_GET_TOKEN_INFO(number slot, void *info) {
    number result = before("C_GetTokenInfo", 0, TOKEN_NOT_PRESENT), flags = 0, most = 0;
    if (result == OK) result = real->functions[GET_TOKEN_INFO](slot, info);
    if (result == OK) {
        number own;
        injected("flags", NULL, &flags);
        if (injected("pin_tries", NULL, &most) && wrong_pins + 1 >= most) flags |= FINAL_TRY;
        memcpy(&own, (char *)info + FLAGS_OF_TOKEN, sizeof own);
        own |= flags;
        memcpy((char *)info + FLAGS_OF_TOKEN, &own, sizeof own);
    }
    return called("C_GetTokenInfo", result);
}

static number wrapped_GET_SLOT_LIST(unsigned char present, number *slots, number *count) {
    number result = before("C_GetSlotList", 0, 0);
    if (result == OK && injected("remove", NULL, NULL)) {
        close_all();
        *count = 0;
        return called("C_GetSlotList", OK);
    }
    if (result == OK) result = real->functions[GET_SLOT_LIST](present, slots, count);
    return called("C_GetSlotList", result);
}

static number wrapped_SIGN(number session, unsigned char *data, number data_length,
                           unsigned char *signature, number *length) {
    /* A question for the length is no signature. */
    if (!signature)
        return real->functions[SIGN](session, data, data_length, signature, length);
    number fault = before("C_Sign", session, DEVICE_REMOVED);
    /* Also where it is to fail: an error ends the operation of the session. */
    number result = real->functions[SIGN](session, data, data_length, signature, length);
    if (fault != OK) result = fault;
    if (result == OK && injected("garbage", "C_Sign", NULL))
        for (number i = 0; i < *length; i++) signature[i] ^= 0x5A;
    if (result == OK && injected("short", "C_Sign", NULL)) *length /= 2;
    return called("C_Sign", result);
}

/* The environment belongs to the whole process, in which there may be other shims. */
static number wrapped_INITIALIZE(void *arguments) {
    char path[PATH_MAX], guarded[PATH_MAX] = "";
    number result = before("C_Initialize", 0, 0);
    if (result != OK) return called("C_Initialize", result);
    FILE *name = fopen(beside("guard", path), "r");
    if (name && fgets(guarded, sizeof guarded, name)) guarded[strcspn(guarded, "\n")] = 0;
    if (name) fclose(name);
    int guard = open(guarded, O_RDONLY | O_CLOEXEC);
    if (guard < 0 || flock(guard, LOCK_EX) < 0) return called("C_Initialize", GENERAL_ERROR);
    setenv("SOFTHSM2_CONF", beside("conf", path), 1);
    result = real->functions[INITIALIZE](arguments);
    close(guard);
    return called("C_Initialize", result);
}

static void load(void) {
    char path[PATH_MAX];
    Dl_info here;
    struct function_list *list = NULL;
    if (!dladdr((void *)load, &here) || !realpath(here.dli_fname, path)) return;
    *strrchr(path, '/') = 0;
    snprintf(folder, sizeof folder, "%.*s", (int)sizeof folder - 1, path);
    void *module = dlopen(beside("real.so", path), RTLD_NOW | RTLD_LOCAL);
    function get = module ? (function)dlsym(module, "C_GetFunctionList") : NULL;
    if (!get || get(&list) != OK) {
        fprintf(stderr, "shim: %s: %s\n", path, dlerror());
        return;
    }
    if (!injected("logout", NULL, &done) && !injected("close", NULL, &done)) injected("finalize", NULL, &done);
    real = list;
    ours = *list;
    ours.functions[INITIALIZE] = (function)wrapped_INITIALIZE;
    ours.functions[GET_SLOT_LIST] = (function)wrapped_GET_SLOT_LIST;
    ours.functions[GET_TOKEN_INFO] = (function)wrapped_GET_TOKEN_INFO;
    ours.functions[OPEN_SESSION] = (function)wrapped_OPEN_SESSION;
    ours.functions[CLOSE_SESSION] = (function)wrapped_CLOSE_SESSION;
    ours.functions[GET_SESSION_INFO] = (function)wrapped_GET_SESSION_INFO;
    ours.functions[LOGIN] = (function)wrapped_LOGIN;
    ours.functions[GET_ATTRIBUTE_VALUE] = (function)wrapped_GET_ATTRIBUTE_VALUE;
    ours.functions[FIND_OBJECTS_INIT] = (function)wrapped_FIND_OBJECTS_INIT;
    ours.functions[SIGN_INIT] = (function)wrapped_SIGN_INIT;
    ours.functions[SIGN] = (function)wrapped_SIGN;
}

/* What a program looks for in a module. */
__attribute__((visibility("default"))) number C_GetFunctionList(struct function_list **list) {
    static pthread_once_t loaded = PTHREAD_ONCE_INIT;
    pthread_once(&loaded, load);
    if (!real) return GENERAL_ERROR;
    *list = &ours;
    return OK;
}
