/* As much of PKCS#11 2.40 as the two programs beside need. */
#ifndef CRYPTOKI_H
#define CRYPTOKI_H

typedef unsigned long number; /* CK_ULONG, CK_RV and every handle */
typedef number (*function)(); /* of whichever arguments */

enum { FUNCTIONS = 68 };

/* CK_FUNCTION_LIST: the version, then the functions in the order of the standard. */
struct function_list {
    unsigned char version[2];
    function functions[FUNCTIONS];
};

/* Places in the list. */
enum {
    INITIALIZE = 0,
    FINALIZE = 1,
    GET_SLOT_LIST = 4,
    GET_TOKEN_INFO = 6,
    OPEN_SESSION = 12,
    CLOSE_SESSION = 13,
    CLOSE_ALL_SESSIONS = 14,
    GET_SESSION_INFO = 15,
    LOGIN = 18,
    LOGOUT = 19,
    GET_ATTRIBUTE_VALUE = 24,
    SET_ATTRIBUTE_VALUE = 25,
    FIND_OBJECTS_INIT = 26,
    FIND_OBJECTS = 27,
    FIND_OBJECTS_FINAL = 28,
    SIGN_INIT = 42,
    SIGN = 43,
};

enum {
    OK = 0x00,
    GENERAL_ERROR = 0x05,
    DEVICE_REMOVED = 0x32,
    TOKEN_NOT_PRESENT = 0xE0,
};

#endif
