/* bench/start.c - a program that only makes a tensor: what starting costs. */
#include <atled.h>

int main(void) { return at_zeros(3) == NULL; }
