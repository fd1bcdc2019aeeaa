/*
 * relabel MODULE TOKEN PIN OLD NEW: gives every object of a label another one, which OpenSC's tool
 * cannot do.
 */
#include "cryptoki.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

enum { RW_SESSION = 2 | 4, USER = 1, LABEL = 3, MOST = 64 };

/* CK_ATTRIBUTE */
struct attribute {
    number type;
    void *value;
    number length;
};

/* CK_TOKEN_INFO, of which only the label matters: 32 bytes, filled up with blanks. */
struct token_info {
    unsigned char label[32];
    unsigned char rest[480];
};

static struct function_list *module;

#define CALL(place, ...)                                                   \
    do {                                                                   \
        number answer = module->functions[place](__VA_ARGS__);             \
        if (answer != OK) {                                                \
            fprintf(stderr, "relabel: %s is 0x%lx\n", #place, answer);     \
            return 1;                                                      \
        }                                                                  \
    } while (0)

static int is_token(number slot, const char *label) {
    struct token_info info;
    size_t length = strlen(label);
    if (module->functions[GET_TOKEN_INFO](slot, &info) != OK || length > 32) return 0;
    return !memcmp(info.label, label, length) && (length == 32 || info.label[length] == ' ');
}

static int relabel(char **arguments) {
    number slots[MOST], count = MOST, session, objects[MOST], found;
    char *token = arguments[2], *pin = arguments[3], *old = arguments[4], *new = arguments[5];
    struct attribute from = {LABEL, old, strlen(old)}, to = {LABEL, new, strlen(new)};
    CALL(INITIALIZE, NULL);
    CALL(GET_SLOT_LIST, (unsigned char)1, slots, &count);
    number place = 0;
    while (place < count && !is_token(slots[place], token)) place++;
    if (place == count) return fprintf(stderr, "relabel: no token %s\n", token), 1;
    CALL(OPEN_SESSION, slots[place], (number)RW_SESSION, NULL, NULL, &session);
    CALL(LOGIN, session, (number)USER, pin, (number)strlen(pin));
    CALL(FIND_OBJECTS_INIT, session, &from, (number)1);
    CALL(FIND_OBJECTS, session, objects, (number)MOST, &found);
    CALL(FIND_OBJECTS_FINAL, session);
    if (!found) return fprintf(stderr, "relabel: no object %s\n", old), 1;
    for (number i = 0; i < found; i++) CALL(SET_ATTRIBUTE_VALUE, session, objects[i], &to, (number)1);
    CALL(FINALIZE, NULL);
    return 0;
}

int main(int count, char **arguments) {
    if (count != 6) return fputs("usage: relabel MODULE TOKEN PIN OLD NEW\n", stderr), 2;
    void *library = dlopen(arguments[1], RTLD_NOW);
    function get = library ? (function)dlsym(library, "C_GetFunctionList") : NULL;
    if (!get || get(&module) != OK) return fprintf(stderr, "relabel: %s\n", dlerror()), 1;
    return relabel(arguments);
}
