/* embedded.c - begins an interpreter three times; what the third one holds is what is left at the end. */
#include <Python.h>

int
main(void)
{
    for (int n = 1; n <= 3; n++) {
        char code[100];
        (void)snprintf(code, sizeof code, "%.*skept = bytearray(%d000000)", n - 1, "\n\n\n", n);
        Py_Initialize();
        int failed = PyRun_SimpleString(code);
        if (Py_FinalizeEx() != 0 || failed != 0) {
            return 1;
        }
    }
    return 0;
}
